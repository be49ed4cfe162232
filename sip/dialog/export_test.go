package dialog

// ParseRAck is what tests see of how RAck is read.
var ParseRAck = parseRAck
