package sim

import "fmt"

// warps is how many warps of a forwarder's SM add up, which those for different nodes share.
// Source: csrc/kernels/legacy/internode.cu of DeepEP.
const warps = 24

// Chunk is the kernels' own chunk, raised to what their combine takes at least.
func (c *Config) Chunk() int {
	return max(int(c.Kernels.Chunk.Value), c.leastChunk())
}

// leastChunk is, in a combine with rings, the warps that add up for a node: each has at least
// a token of a chunk.
func (c *Config) leastChunk() int {
	if !c.Combine || !c.Kernels.RolesApart || c.Plan.Place.Nodes == 1 {
		return 1
	}
	return max(1, warps/c.Plan.Place.Nodes)
}

// Configuration says which inequality between SMs, channels, chunk and ring fails, and with
// which numbers; nil where all hold. Kernels with one that fails would hang, or refuse to start.
func (c *Config) Configuration() error {
	h, k, p := c.Hardware, c.Kernels, &c.Plan
	step, least, all := int(k.Step.Value), int(k.Least.Value), h.SMs()
	switch {
	case k.Engine:
	case c.SMs < 1 || c.SMs > all:
		return fmt.Errorf("sim: %d SMs: %s has 1 to %d", c.SMs, h.Name, all)
	case c.SMs < min(least, all):
		return fmt.Errorf("sim: %d SMs: kernels %s take at least %d (%s)", c.SMs, k.Name, least, k.Least.Source)
	case c.SMs%step != 0 && c.SMs != all:
		return fmt.Errorf("sim: %d SMs: kernels %s take a multiple of %d (%s): %d or %d would do", c.SMs, k.Name, step, k.Step.Source, c.SMs/step*step, (c.SMs/step+1)*step)
	}
	switch want := Channels(k, c.SMs); {
	case p.Channels != want:
		return fmt.Errorf("sim: %d channels on %d SMs: kernels %s have %d", p.Channels, c.SMs, k.Name, want)
	case p.Chunk < 1 || p.Chunk > mostOfStream:
		return fmt.Errorf("sim: chunk %d: want 1 to %d tokens", p.Chunk, mostOfStream)
	case p.Chunk < c.leastChunk():
		return fmt.Errorf("sim: chunk %d < %d = %d / %d: the %d warps that add up share the %d nodes, and each needs a token of a chunk: chunk %d or more would do",
			p.Chunk, c.leastChunk(), warps, p.Place.Nodes, warps, p.Place.Nodes, c.leastChunk())
	case c.Ring < 0 || c.Ring > mostOfStream:
		return fmt.Errorf("sim: ring %d: want 0 (room for all) to %d rows", c.Ring, mostOfStream)
	case c.Ring > 0 && p.Chunk > c.Ring:
		return fmt.Errorf("sim: chunk %d > ring %d: a sender would wait for ever for room for a chunk: ring %d or more, or chunk %d or less, would do", p.Chunk, c.Ring, 2*p.Chunk, c.Ring/2)
	case c.Ring > 0 && k.RolesApart && 2*p.Chunk > c.Ring:
		return fmt.Errorf("sim: 2 x chunk %d > ring %d: kernels %s fill one half of a ring while they empty the other: ring %d or more, or chunk %d or less, would do",
			p.Chunk, c.Ring, k.Name, 2*p.Chunk, c.Ring/2)
	}
	return nil
}
