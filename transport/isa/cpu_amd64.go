//go:build !purego

package isa

import "golang.org/x/sys/cpu"

// available lists what can run here, fastest first. The flags are false as well
// where the operating system does not save the wide registers.
func available() []ISA {
	have := []ISA{Pure}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		have = []ISA{AVX2, Pure}
		if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasBMI2 {
			have = []ISA{AVX512, AVX2, Pure}
		}
	}
	return have
}
