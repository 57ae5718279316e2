package bench_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
)

// rowBytes is more than any note has, and less than any row.
const rowBytes = 200

// wrong runs a benchmark that fails with ErrWrong, and returns its records.
func wrong(t *testing.T, c bench.Config) []record.Record {
	t.Helper()
	result, err := bench.Run(ctx, c)
	if !errors.Is(err, bench.ErrWrong) {
		t.Fatalf("%v, want %v", err, bench.ErrWrong)
	}
	for i := range result.Records {
		if err := result.Records[i].Validate(); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
	return result.Records
}

// flipped is src with a bit of one byte flipped that rounding cannot hide.
func flipped(src []byte, at int) []byte {
	src = bytes.Clone(src)
	src[at] ^= 0x40
	return src
}

// One bit of one put is flipped on its way: exactly the tokens that it was for
// are found wrong, and the first byte that differs is named.
func TestFlippedBitOfADispatch(t *testing.T) {
	full := plan.DispatchRow(plan.FP8, 256, 3)
	one := plan.DispatchRow(plan.FP8, 256, 1)
	for _, c := range []struct {
		alg  plan.Algorithm
		name string
		at   int
		part string
	}{
		{plan.AlgDirect, "payload", 77, "payload"},
		{plan.AlgDirect, "scale", full.Payload + 6, "scales"},
		{plan.AlgDirect, "id", full.Bytes() + 4, "metadata"},
		{plan.AlgDirect, "weight", full.WeightsAt() + 8, "metadata"},
		{plan.AlgTwoHop, "payload", 0, "payload"},
		{plan.AlgTwoHop, "scale", full.Payload + 1, "scales"},
		{plan.AlgTwoHop, "id", full.Bytes(), "metadata"},
		{plan.AlgTwoHop, "weight", full.WeightsAt(), "metadata"},
		{plan.AlgAllToAll, "payload", 255, "payload"},
		{plan.AlgAllToAll, "scale", one.Payload + 7, "scales"},
		{plan.AlgAllToAll, "id", one.Bytes() + 1, "metadata"},
		{plan.AlgAllToAll, "weight", one.WeightsAt() + 3, "metadata"},
		{plan.AlgLowLatency, "payload", 255, "payload"},
		{plan.AlgLowLatency, "scale", one.Payload + 7, "scales"},
		{plan.AlgLowLatency, "head", one.Bytes() + 15, "metadata"},
	} {
		for _, scaleOut := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%s/scale-out=%v", c.alg, c.name, scaleOut), func(t *testing.T) {
				cfg := config(record.Dispatch, c.alg)
				place, _ := tables(t, cfg)
				want, done := map[int]bool{}, false // target ranks of what is flipped
				var from int
				cfg.Workers = 1 // so that the function below is for one goroutine
				cfg = over(cfg, newTamper(rowBytes, func(n int64, p put) []byte {
					if done || p.scaleOut != scaleOut {
						return p.src
					}
					done, from = true, p.from
					want[p.to] = true
					if c.alg == plan.AlgTwoHop && scaleOut {
						// The ranks of that node that the token is for.
						clear(want)
						for j := range full.Choices {
							e := int(binary.LittleEndian.Uint32(p.src[full.Bytes()+4*j:]))
							if place.NodeOf(e) == place.Node(p.to) {
								want[place.RankOf(e)] = true
							}
						}
					}
					if c.alg == plan.AlgTwoHop && !scaleOut {
						from = -1 // it may have been forwarded
					}
					return flipped(p.src, c.at)
				}))
				recs := wrong(t, cfg)
				if len(recs) != 1 || *recs[0].Wrong != int64(len(want)) {
					t.Fatalf("%d records, %d wrong; want 1 record and %d wrong: %v", len(recs), *recs[0].Wrong, len(want), recs[0].Warnings)
				}
				pattern := regexp.MustCompile(fmt.Sprintf(`^rank (\d), received row \d+ \(token \d+ of rank (\d)\): byte %d \(%s\) is 0x[0-9a-f]{2}, expected 0x[0-9a-f]{2}$`, c.at, c.part))
				found := map[int]bool{}
				for _, w := range recs[0].Warnings {
					if m := pattern.FindStringSubmatch(w); m != nil {
						found[int(m[1][0]-'0')] = true
						if src := int(m[2][0] - '0'); from >= 0 && src != from {
							t.Errorf("%q: want a token of rank %d", w, from)
						}
					}
				}
				if fmt.Sprint(found) != fmt.Sprint(want) {
					t.Errorf("%q: want descriptions like %v for ranks %v", recs[0].Warnings, pattern, want)
				}
			})
		}
	}
}

// A bit that is flipped within a node after the rail is wrong at one rank only.
func TestFlippedBitAfterTheRailIsOneWrong(t *testing.T) {
	done := false
	cfg := config(record.Dispatch, plan.AlgTwoHop)
	cfg.Workers = 1
	recs := wrong(t, over(cfg, newTamper(rowBytes, func(n int64, p put) []byte {
		if done || p.scaleOut {
			return p.src
		}
		done = true
		return flipped(p.src, 10)
	})))
	if *recs[0].Wrong != 1 {
		t.Errorf("%d wrong, want 1", *recs[0].Wrong)
	}
}

// A combine puts outputs and partial sums home, each for one token.
func TestFlippedBitOfACombine(t *testing.T) {
	for _, alg := range plan.Algorithms {
		row := alg.CombineRow(256, 3)
		for _, c := range []struct {
			at   int
			part string
		}{{2*19 + 1, "payload"}, {row.Payload + row.Meta - 1, "metadata"}} {
			if c.at >= row.Size() || c.at < 0 || row.Meta == 0 && c.part == "metadata" {
				continue // it has no weights
			}
			t.Run(fmt.Sprintf("%s/%s", alg, c.part), func(t *testing.T) {
				done := false
				cfg := config(record.Combine, alg)
				cfg.Workers = 1
				recs := wrong(t, over(cfg, newTamper(rowBytes, func(n int64, p put) []byte {
					if done || !p.scaleOut {
						return p.src
					}
					done = true
					return flipped(p.src, c.at)
				})))
				if *recs[0].Wrong != 1 {
					t.Errorf("%d wrong, want 1: %v", *recs[0].Wrong, recs[0].Warnings)
				}
				pattern := regexp.MustCompile(`^rank \d, combined token \d+: byte \d+ \(` + c.part + `\) is 0x[0-9a-f]{2}, expected 0x[0-9a-f]{2}$`)
				if !pattern.MatchString(recs[0].Warnings[0]) {
					t.Errorf("%q, want what matches %v", recs[0].Warnings, pattern)
				}
			})
		}
	}
}

// What a round trip's experts make of a wrong token is wrong as well.
func TestFlippedBitOfARoundtrip(t *testing.T) {
	for _, alg := range plan.Algorithms {
		c := config(record.Roundtrip, alg)
		c.Warmup, c.Iterations, c.Workers = 0, 1, 1
		recs := wrong(t, over(c, newTamper(rowBytes, func(n int64, p put) []byte {
			if n > 1 {
				return p.src
			}
			return flipped(p.src, 1)
		})))
		if len(recs) != 3 || *recs[0].Wrong < 1 || *recs[1].Wrong != 1 {
			t.Errorf("%s: dispatch has %d wrong, combine %d; want at least 1, and the 1 token that it belongs to", alg, *recs[0].Wrong, *recs[1].Wrong)
		}
	}
}

// A put of a late iteration is dropped, when the bytes of earlier ones, which
// were the same, still lie where it should have gone.
func TestDroppedPutIsNoticed(t *testing.T) {
	testDroppedPut(t, func(d driver.Driver) driver.Driver { return d }, record.Dispatch, record.Combine)
}

func TestDroppedPutIsNoticedWithoutMappedMemory(t *testing.T) {
	testDroppedPut(t, drivertest.Bare, record.Combine)
}

func testDroppedPut(t *testing.T, as func(driver.Driver) driver.Driver, ops ...string) {
	for _, op := range ops {
		for _, alg := range plan.Algorithms {
			c := config(op, alg)
			c.Check, c.Expand = bench.CheckLast, op == record.Dispatch
			// All tokens go to all ranks, and a ring has as many rows as a stream has tokens:
			// each iteration finds its own rows of the one before in its ring.
			c.Tokens, c.Chunk, c.Experts, c.TopK = 8, 8, 4, 4
			count := newTamper(rowBytes, func(n int64, p put) []byte { return p.src })
			run(t, over(c, as(count)))
			all := count.rows.Load()
			each := all / int64(c.Warmup+c.Iterations)
			if each*int64(c.Warmup+c.Iterations) != all || each == 0 {
				t.Fatalf("%s %s: %d puts in %d iterations", alg, op, all, c.Warmup+c.Iterations)
			}
			for _, nth := range []int64{all - each + 1, all - each/2, all} {
				t.Run(fmt.Sprintf("%s/%s/put %d of %d", op, alg, nth-(all-each), each), func(t *testing.T) {
					recs := wrong(t, over(c, as(newTamper(rowBytes, func(n int64, p put) []byte {
						if n == nth {
							return nil
						}
						return p.src
					}))))
					if *recs[0].Wrong < 1 {
						t.Errorf("%d wrong", *recs[0].Wrong)
					}
				})
			}
		}
	}
}

// Every wrong token is counted once, however many of its copies are wrong in
// however many iterations, and the first few copies are described.
func TestManyWrong(t *testing.T) {
	c := config(record.Dispatch, plan.AlgDirect)
	c.Warmup, c.Iterations = 0, 2
	d := newTamper(rowBytes, func(n int64, p put) []byte { return flipped(p.src, 0) })
	recs := wrong(t, over(c, d))
	if tokens := int64(4 * c.Tokens); *recs[0].Wrong != tokens || d.rows.Load() <= 2*tokens {
		t.Errorf("%d wrong of %d tokens in %d rows, all of which were", *recs[0].Wrong, tokens, d.rows.Load())
	}
	if more := fmt.Sprintf("and %d more rows differ", d.rows.Load()-5); !slices.Contains(recs[0].Warnings, more) {
		t.Errorf("no %q in %q", more, recs[0].Warnings)
	}
	described := 0
	for _, w := range recs[0].Warnings {
		if strings.HasPrefix(w, "rank ") {
			described++
		}
	}
	if described != 5 {
		t.Errorf("%d descriptions: %q", described, recs[0].Warnings)
	}
}

// Only iterations that are to be checked are.
func TestCheck(t *testing.T) {
	flipFirst := func() *tamper {
		return newTamper(rowBytes, func(n int64, p put) []byte {
			if n > 1 {
				return p.src
			}
			return flipped(p.src, 0)
		})
	}
	c := config(record.Dispatch, plan.AlgDirect)
	c.Check = bench.CheckAll
	if recs := wrong(t, over(c, flipFirst())); *recs[0].Wrong != 1 {
		t.Errorf("all: %d wrong, want the 1 of the warm-up", *recs[0].Wrong)
	}
	c.Check = bench.CheckLast
	if rec := run(t, over(c, flipFirst())).Records[0]; *rec.Wrong != 0 || !*rec.Exec.Check {
		t.Errorf("last: %d wrong, want none in the last iteration", *rec.Wrong)
	}
	c.Check = bench.CheckNone
	if rec := run(t, over(c, flipFirst())).Records[0]; rec.Wrong != nil || *rec.Exec.Check {
		t.Errorf("none: wrong is %v, want unknown", rec.Wrong)
	}
}
