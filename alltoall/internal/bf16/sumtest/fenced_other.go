//go:build !unix

package sumtest

import "testing"

// fenced returns ordinary memory: no fences here.
func fenced(*testing.T) []byte { return make([]byte, 4096) }
