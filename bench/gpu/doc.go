// Package gpu measures what the GPUs of this machine move, for the model of SM budgets: how fast so
// many SMs read, write, copy and add up, what goes over PCIe and between GPUs, and what a launch
// takes. Every result's bytes are checked.
//
// docs/gpu.md says what each figure counts and how it is measured.
package gpu
