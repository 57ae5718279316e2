package sim

import (
	"slices"
	"testing"

	"github.com/commbench/commbench/alltoall/counter"
)

// Events come out in order of time and key, however they were put in: near, far, at one
// time, and while others are taken.
func TestQueue(t *testing.T) {
	draw := counter.New(1, 2, 3, 4)
	for _, horizon := range []uint64{1, 1 << spanShift, spans << (spanShift + 2), 1 << 60} {
		var q queue
		var in, out []event
		now := int64(0)
		for len(out) < 5000 {
			for range draw.Below(4) {
				e := event{now + int64(draw.Below(horizon)), draw.Below(3)}
				q.push(e)
				in = append(in, e)
			}
			if e, ok := q.pop(); ok {
				if e.at < now {
					t.Fatalf("an event of %d at %d", e.at, now)
				}
				now = e.at
				out = append(out, e)
			}
			if now > 1<<61 {
				now = 0
				break
			}
		}
		for e, ok := q.pop(); ok; e, ok = q.pop() {
			out = append(out, e)
		}
		if len(in) != len(out) || !slices.IsSortedFunc(out, func(a, b event) int { return int(min(1, max(-1, a.at-b.at))) }) {
			t.Errorf("horizon %d: %d events in, %d out", horizon, len(in), len(out))
		}
		byKey := func(a, b event) int {
			if a.before(b) {
				return -1
			}
			return 1
		}
		slices.SortFunc(in, byKey)
		slices.SortFunc(out, byKey)
		if !slices.Equal(in, out) {
			t.Errorf("horizon %d: other events came out", horizon)
		}
	}
}

func TestPacked(t *testing.T) {
	for _, k := range []kind{stepped, woken, arriving, credited} {
		gotKind, rows, id := unpacked(packed(k, mostRows, 1<<idBits-1))
		if gotKind != k || rows != mostRows || id != 1<<idBits-1 {
			t.Errorf("%d: %d, %d, %d", k, gotKind, rows, id)
		}
	}
}
