//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// starts is how many processes soak starts itself.
func (t *trial) starts() int {
	if t.kind != within && (t.launch == byFlags || t.launch == byEngine) {
		return t.procs
	}
	return 1
}

// command is the environment and the arguments of a process.
func (t *trial) command(process int) (env, args []string) {
	if isa := os.Getenv("COMMBENCH_ISA"); isa != "" {
		env = append(env, "COMMBENCH_ISA="+isa)
	}
	if t.kind == within {
		return env, []string{"-inside", strconv.FormatUint(t.seed, 10)}
	}
	args = append(t.flags(), "--format", t.format)
	if t.output != "" {
		args = append(args, "--output", t.output)
	}
	if t.fault != "" {
		args = append(args, "--fault", t.fault)
	}
	if t.secret != "" {
		env = append(env, "COMMBENCH_SECRET="+t.secret)
	}
	switch t.launch {
	case children:
		args = append(args, "--procs", t.asked)
	case alone:
		if t.asked != "" {
			args = append(args, "--procs", t.asked)
		}
	case byFlags:
		// Ports of an address that nobody else has are free.
		at := t.seed ^ uint64(os.Getpid())<<20
		args = append(args, "--rank", strconv.Itoa(process), "--world", strconv.Itoa(t.procs),
			"--rendezvous", fmt.Sprintf("127.%d.%d.%d:29500", 1+at>>16%250, at>>8%256, 1+at%250))
	case byEngine:
		env = append(env, "SLURM_JOB_ID=7", "SLURM_STEP_ID=0", "SLURM_STEP_NODELIST=localhost",
			"SLURM_PROCID="+strconv.Itoa(process), "SLURM_STEP_NUM_TASKS="+strconv.Itoa(t.procs))
	}
	return env, args
}

// repeat says how a trial is done again, by soak and by hand.
func (k *soak) repeat(t *trial, o *outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  again: go run ./scripts/soak -only %d\n", t.seed)
	if o.dir != "" {
		fmt.Fprintf(&b, "  what it wrote: %s\n", o.dir)
	}
	program := k.commbench
	if t.kind == within {
		program = "go run ./scripts/soak"
	}
	for p := range t.starts() {
		env, args := t.command(p)
		fmt.Fprintf(&b, "  process %d: %s\n", p, strings.Join(append(append(env, program), args...), " "))
	}
	if t.signals != nil {
		fmt.Fprintf(&b, "  process %d of %d gets %v, the first %v after the start, the next %v later\n", t.victim, t.procs, t.signals, t.after, t.gap)
	}
	return b.String()
}
