//go:build !unix

package kerneltest

import "testing"

// fenced returns ordinary memory: no fences here.
func fenced(*testing.T) []byte { return make([]byte, 4096) }
