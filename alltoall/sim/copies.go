package sim

import "github.com/commbench/commbench/alltoall/plan"

// copiesOf counts what each chunk of each two-hop stream becomes within the node that it goes
// to: rows for each rank, [chunks][GPUsPerNode]. The plans have them entry by entry, scattered over
// more memory than caches hold. of is the stream that a rank has from a node on a channel: its rows
// and first chunk are filled in.
func (m *machine) copiesOf(plans []*plan.TwoHop, of func(p *plan.TwoHop, node, channel int) *stream) []uint16 {
	gpus, chunk, all := m.Plan.Place.GPUsPerNode, m.Plan.Chunk, 0
	for _, p := range plans {
		for n := range p.Fans {
			for c := range p.Channels {
				all += int(m.Plan.Signals(int(p.Fans[n].Start[c+1] - p.Fans[n].Start[c])))
			}
		}
	}
	copies := make([]uint16, 0, all*gpus)
	for _, p := range plans {
		for n := range p.Fans {
			f := &p.Fans[n]
			for c := range p.Channels {
				s := of(p, n, c)
				s.total, s.from = uint16(f.Start[c+1]-f.Start[c]), uint32(len(copies)/gpus)
				for at := int(f.Start[c]); at < int(f.Start[c+1]); at += chunk {
					copies = copies[:len(copies)+gpus]
					rows := copies[len(copies)-gpus:]
					for _, i := range f.Index[f.First[at]:f.First[min(at+chunk, int(f.Start[c+1]))]] {
						rows[i]++
					}
				}
			}
			if n != m.Plan.Place.Node(p.Rank) {
				m.total += int64(f.Start[p.Channels])
			}
		}
	}
	return copies
}
