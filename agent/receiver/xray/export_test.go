package xray

// Document is what a datagram is read with.
var Document = document
