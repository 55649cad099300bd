// Keysweep-sweep finds leaked keys in many repositories, as keysweep does in one.
package main

func main() {}
