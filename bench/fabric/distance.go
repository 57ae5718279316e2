package fabric

import (
	"fmt"
	"slices"
	"strings"

	"github.com/commbench/commbench/nvml/answer"
)

// Distance is what lies between two places.
type Distance int

// The distances, nearest first, in the words of nvidia-smi topo -m. See Between.
const (
	Same    Distance = iota // X: one device, or functions of one
	Bridge                  // PIX: at most one PCIe switch
	Bridges                 // PXB: several, but no host bridge
	Host                    // PHB: a host bridge
	Node                    // NODE: host bridges of one memory node
	System                  // SYS: memory nodes
)

var distances = [...]string{"X", "PIX", "PXB", "PHB", "NODE", "SYS"}

// String is the word that nvidia-smi has for it.
func (d Distance) String() string {
	if d < 0 || int(d) >= len(distances) {
		return fmt.Sprintf("Distance(%d)", int(d))
	}
	return distances[d]
}

// Between says how far apart two places are, by the part of their paths that they share. A
// PCIe switch is a bridge up and a bridge down for each device below it, so the ways from
// what two devices share down to each of them have
//
//   - nothing but functions of one device: Same. nvidia-smi says PIX of these;
//   - at most one bridge each, below a bridge that is shared: Bridge. It is one switch;
//   - more bridges, below a bridge that is shared: Bridges. Switches hang on each other;
//   - any bridges, below a host bridge that is shared: Host. They have ports of their own of
//     one root complex. In most virtual machines everything has;
//   - no host bridge that is shared: Node where both are known to be near one memory node,
//     System where they are known not to be.
//
// It is unknown where a path is, and without a shared host bridge where a memory node is.
func Between(a, b Place) answer.Of[Distance] {
	from, ok := a.Path.Get()
	if !ok {
		return answer.From(Same, a.Path.Err())
	}
	to, ok := b.Path.Get()
	if !ok {
		return answer.From(Same, b.Path.Err())
	}
	shared := 0
	for shared < min(len(from), len(to)) && from[shared] == to[shared] {
		shared++
	}
	switch {
	case shared == 0:
		return overNodes(a.NUMA, b.NUMA)
	case slices.Equal(slots(from), slots(to)):
		return answer.Is(Same)
	case shared == 1:
		return answer.Is(Host)
	case max(len(from), len(to))-shared <= 2: // a bridge and the device
		return answer.Is(Bridge)
	}
	return answer.Is(Bridges)
}

func overNodes(a, b answer.Of[int]) answer.Of[Distance] {
	from, ok := a.Get()
	to, ok2 := b.Get()
	switch {
	case !ok:
		return answer.Unknown[Distance]("no host bridge is shared, and the memory node: " + a.String())
	case !ok2:
		return overNodes(b, a)
	case from == to:
		return answer.Is(Node)
	}
	return answer.Is(System)
}

// slots is a path whose last step is without its function.
func slots(path []string) []string {
	last := len(path) - 1
	slot, _, _ := strings.Cut(path[last], ".")
	return append(slices.Clone(path[:last]), slot)
}

// Nearest are the indices of the places that are nearest to one, and how near they are. None
// is where no distance could be told.
func Nearest(from Place, to []Place) (nearest []int, at Distance) {
	for i, place := range to {
		d, ok := Between(from, place).Get()
		switch {
		case !ok || len(nearest) > 0 && d > at:
		case len(nearest) > 0 && d == at:
			nearest = append(nearest, i)
		default:
			nearest, at = []int{i}, d
		}
	}
	return nearest, at
}
