package bench

import (
	"testing"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/driver"
)

// over is a driver that crosses a network, or a wrapper around one that crosses none.
type over struct {
	driver.Driver
	network driver.Network
}

func (o over) Network() driver.Network { return o.network }

// Only the bytes of hops that cross a network count, also where a wrapper could say of
// any driver which one it crosses.
func TestCrossed(t *testing.T) {
	tcp, memory := over{network: driver.Network{Streams: 4}}, over{}
	rec := &record.Record{}
	rec.Traffic.ScaleOutWire, rec.Traffic.ScaleUpWire, rec.Traffic.BytesPerToken = new(int64(3)), new(int64(5)), new(int64(1000))
	rec.TimeUS.P50 = new(1.0)
	for _, c := range []struct {
		name    string
		up, out driver.Driver
		want    float64 // GB/s; 0 is nothing
	}{
		{"both hops", tcp, tcp, 8},
		{"scale-out", memory, tcp, 3},
		{"scale-up", tcp, memory, 5},
		{"none", memory, memory, 0},
		{"drivers that know of no network", struct{ driver.Driver }{}, struct{ driver.Driver }{}, 0},
	} {
		r := &runner{setting: &setting{c: Config{ScaleUp: c.up, ScaleOut: c.out}}}
		got := r.crossed(rec)
		if (got == nil) != (c.want == 0) || got != nil && *got != c.want {
			t.Errorf("%s: %v GB/s, want %v", c.name, got, c.want)
		}
		if (r.c.network() == nil) != (c.want == 0) {
			t.Errorf("%s: network %v", c.name, r.c.network())
		}
	}
}
