// The program keysweep-sweep, apart from the module so that the scanner does not
// get its dependencies.
module keysweep/sweep

go 1.26.0

require keysweep v0.0.0

replace keysweep => ../
