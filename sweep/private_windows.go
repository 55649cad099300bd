package main

// private does nothing: files are their user's by the folder that they are in.
func private() {}
