// Package deptest holds the rules of the codebase as tests: which package may
// import which, that every package is described once, and which modules each
// binary is made of. It has no code of its own.
package deptest
