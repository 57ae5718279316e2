//go:build purego || !(amd64 || arm64)

package isa

func available() []ISA { return []ISA{Pure} }
