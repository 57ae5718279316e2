// Package bell is the bell of drivers whose signals are made in the process of
// those who wait: mem, and tcp, where a goroutine carries out what a peer sent. It
// wakes goroutines, which keep no thread while they are parked.
package bell
