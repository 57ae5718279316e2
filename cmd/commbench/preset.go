package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench"
)

// preset is a published workload. Flags that are given override it.
type preset struct {
	name   string
	source string
	flags  map[string]int
}

// presets of DeepSeek-V3: 256 routed experts, top-8, hidden 7168, tokens reach
// at most 4 nodes, FP8 dispatch and BF16 combine.
var presets = []preset{
	{"v3-train", "EP64 on 8 nodes (DeepSeek-V3 Technical Report, 3.2); 4096 tokens a batch (DeepEP, normal kernels' test setting)",
		map[string]int{"nodes": 8, "gpus-per-node": 8, "experts": 256, "topk": 8, "topk-groups": 4, "tokens": 4096, "hidden": 7168}},
	{"v3-prefill", "EP32 on 4 nodes (DeepSeek-V3 Technical Report, 3.4.1); 4096 tokens a batch (DeepEP, normal kernels' test setting)",
		map[string]int{"nodes": 4, "gpus-per-node": 8, "experts": 256, "topk": 8, "topk-groups": 4, "tokens": 4096, "hidden": 7168}},
	{"v3-decode", "128 tokens a batch, EP32 row (DeepEP, low-latency kernels' test setting)",
		map[string]int{"nodes": 4, "gpus-per-node": 8, "experts": 256, "topk": 8, "topk-groups": 4, "tokens": 128, "hidden": 7168}},
}

func presetNames() string {
	var names []string
	for _, p := range presets {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// presetHelp lists the presets with their sources.
func presetHelp() string {
	var b strings.Builder
	for _, p := range presets {
		fmt.Fprintf(&b, "\n  %-11s %s", p.name, p.source)
	}
	return b.String()
}

// applyPreset sets what the preset says and no flag overrides.
func applyPreset(cfg *bench.Config, c *cli.Context) error {
	if cfg.Preset == "" {
		return nil
	}
	to := map[string]*int{"nodes": &cfg.Nodes, "gpus-per-node": &cfg.GPUsPerNode, "experts": &cfg.Experts,
		"topk": &cfg.TopK, "topk-groups": &cfg.TopKGroups, "tokens": &cfg.Tokens, "hidden": &cfg.Hidden}
	for _, p := range presets {
		if p.name != cfg.Preset {
			continue
		}
		for flag, v := range p.flags {
			if !c.IsSet(flag) {
				*to[flag] = v
			}
		}
		return nil
	}
	return usageError{fmt.Errorf("--preset %q: want one of %s", cfg.Preset, presetNames())}
}
