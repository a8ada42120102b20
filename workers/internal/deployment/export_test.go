package deployment

// IsAlive is for the test of what the server says of pollers.
var IsAlive = isAlive
