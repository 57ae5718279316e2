package model

import (
	"errors"
	"fmt"
	"math"

	"github.com/commbench/commbench/alltoall/hardware"
)

// Sample is a measured operation.
type Sample struct {
	Workload
	SMs int     // of a GPU; not looked at where the kernels say how many
	US  float64 // microseconds, notify and epilogue apart
}

// Parameter is what Fit may change.
type Parameter string

// The parameters. Of an SM's rates the proportions stay as they are; a put's latency is a signal's too.
const (
	OutRate Parameter = "scale_out.achievable_gbps"
	UpRate  Parameter = "scale_up.achievable_gbps"
	Latency Parameter = "scale_out.put_us"
	SMRate  Parameter = "write_gbps"
)

// Parameters lists them all.
var Parameters = []Parameter{OutRate, UpRate, Latency, SMRate}

// Value is a parameter before and after a fit.
type Value struct {
	Parameter
	Before, After float64
	// Determined: the samples say something of it. One that no prediction depends on is left
	// as it was.
	Determined bool
}

// Fitted is what Fit found.
type Fitted struct {
	Hardware *hardware.Hardware
	Kernels  *hardware.Profile
	Values   []Value
	Before   []float64 // predicted for each sample, in microseconds
	After    []float64
}

// Fit finds the parameters with which predictions are nearest to the samples: with the least sum of
// squares of log(predicted / measured), by pattern search (Hooke and Jeeves, 1961) from several
// places. It is an
// error if a sample cannot be predicted, or if there are fewer samples than parameters that
// they depend on.
func Fit(h *hardware.Hardware, k *hardware.Profile, samples []Sample, parameters ...Parameter) (*Fitted, error) {
	if len(samples) == 0 {
		return nil, errors.New("model: no samples to fit to")
	}
	f := &fit{h: *h, k: *k, samples: samples}
	out := &Fitted{Hardware: &f.h, Kernels: &f.k}
	var err error
	if out.Before, err = f.predict(); err != nil {
		return nil, err
	}
	var all, knobs []*knob
	for _, p := range parameters {
		kn, err := f.knob(p)
		if err != nil {
			return nil, err
		}
		v := Value{Parameter: p, Before: kn.get()}
		if v.Determined, err = f.matters(kn, out.Before); err != nil {
			return nil, err
		}
		out.Values, all = append(out.Values, v), append(all, kn)
		if v.Determined {
			knobs = append(knobs, kn)
		}
	}
	if len(samples) < len(knobs) {
		return nil, fmt.Errorf("model: %d samples cannot determine %d parameters: take more samples, or fit fewer", len(samples), len(knobs))
	}
	if err := f.fromSeveral(knobs); err != nil {
		return nil, err
	}
	for i := range out.Values {
		out.Values[i].After = all[i].get()
	}
	out.After, err = f.predict()
	return out, err
}

// fit is hardware and kernels on their way.
type fit struct {
	h       hardware.Hardware
	k       hardware.Profile
	samples []Sample
}

// knob turns a parameter within bounds. Steps are factors.
type knob struct {
	get         func() float64
	set         func(float64)
	least, most float64
}

// turn sets it to x, or to the bound that x is beyond.
func (kn *knob) turn(x float64) { kn.set(min(max(x, kn.least), kn.most)) }

func (f *fit) knob(p Parameter) (*knob, error) {
	figure := func(v *float64, least, most float64) *knob {
		return &knob{func() float64 { return *v }, func(x float64) { *v = x }, least, most}
	}
	switch p {
	case OutRate:
		return figure(&f.h.ScaleOut.Achievable.Value, f.h.ScaleOut.Line.Value/100, f.h.ScaleOut.Line.Value), nil
	case UpRate:
		return figure(&f.h.ScaleUp.Achievable.Value, f.h.ScaleUp.Line.Value/100, f.h.ScaleUp.Line.Value), nil
	case Latency:
		kn := figure(&f.h.ScaleOut.Put.Value, 0.01, 1e4)
		kn.set = func(x float64) { f.h.ScaleOut.Put.Value, f.h.ScaleOut.Signal.Value = x, x }
		return kn, nil
	case SMRate:
		kn := figure(&f.k.Write.Value, 0.01, 1e5)
		kn.set = func(x float64) {
			by := x / f.k.Write.Value
			f.k.Write.Value, f.k.Read.Value, f.k.Reduce.Value = x, f.k.Read.Value*by, f.k.Reduce.Value*by
		}
		return kn, nil
	}
	return nil, fmt.Errorf("model: no parameter %q; there are %v", p, Parameters)
}

// predict is the times of all samples.
func (f *fit) predict() ([]float64, error) {
	all := make([]float64, len(f.samples))
	for i := range f.samples {
		s := &f.samples[i]
		if !(s.US >= shortest && s.US <= longest) {
			return nil, fmt.Errorf("model: sample %d took %v us: want %v to %v", i, s.US, shortest, longest)
		}
		w := s.Workload
		w.only = s.SMs
		c, err := w.Predict(&f.h, &f.k)
		if err != nil {
			return nil, fmt.Errorf("sample %d: %w", i, err)
		}
		all[i] = c.Points[0].US
	}
	return all, nil
}

// Bounds of a time that is believed, in microseconds.
const (
	shortest = 1e-3
	longest  = 1e12
)

// off is the sum of squares.
func (f *fit) off() (float64, error) {
	all, err := f.predict()
	sum := 0.0
	for i, us := range all {
		e := math.Log(us / f.samples[i].US)
		sum += e * e
	}
	return sum, err
}

// matters says whether any prediction, of those before, depends on a parameter, at most turned
// to a half or twice as much.
func (f *fit) matters(kn *knob, before []float64) (bool, error) {
	at, h, k := kn.get(), f.h, f.k
	defer func() { f.h, f.k = h, k }()
	for _, by := range []float64{0.5, 2} {
		kn.turn(at * by)
		after, err := f.predict()
		if err != nil {
			return false, err
		}
		for i := range before {
			if math.Abs(after[i]/before[i]-1) > 1e-3 {
				return true, nil
			}
		}
	}
	return false, nil
}

// fromSeveral searches from several places, because what bounds an operation changes along the
// way: with each knob at first where it was, and far from there. The best is kept.
func (f *fit) fromSeveral(knobs []*knob) error {
	h, k := f.h, f.k
	best, least := &fit{h: h, k: k}, math.Inf(1)
	for i := range 1 + 4*len(knobs) {
		f.h, f.k = h, k
		if i > 0 {
			kn := knobs[(i-1)/4]
			kn.turn(kn.get() * []float64{1.0 / 8, 1.0 / 3, 3, 8}[(i-1)%4])
		}
		if err := f.search(knobs); err != nil {
			return err
		}
		off, err := f.off()
		if err != nil {
			return err
		}
		if off < least {
			least, best = off, &fit{h: f.h, k: f.k}
		}
	}
	f.h, f.k = best.h, best.k
	return nil
}

// search turns one knob after another by a factor as long as that helps, then goes on in the
// direction in which all of them went, and where nothing helps takes a smaller factor.
func (f *fit) search(knobs []*knob) error {
	best, err := f.off()
	if err != nil || len(knobs) == 0 {
		return err
	}
	try := func(kn *knob, to float64) (bool, error) {
		at := kn.get()
		kn.turn(to)
		now, err := f.off()
		if err == nil && now < best {
			best = now
			return true, nil
		}
		kn.set(at)
		return false, err
	}
	for step := 0.5; step > 1e-5; {
		from := make([]float64, len(knobs))
		helped := false
		for i, kn := range knobs {
			from[i] = kn.get()
			for _, by := range []float64{1 + step, 1 / (1 + step)} {
				ok, err := try(kn, max(kn.get(), kn.least)*by)
				if err != nil {
					return err
				}
				if helped = helped || ok; ok {
					break
				}
			}
		}
		if !helped {
			step /= 2
			continue
		}
		// Once more the same way, all together.
		at := make([]float64, len(knobs))
		for i, kn := range knobs {
			at[i] = kn.get()
			kn.turn(at[i] * at[i] / max(from[i], kn.least))
		}
		now, err := f.off()
		if err != nil {
			return err
		}
		if now < best {
			best = now
			continue
		}
		for i, kn := range knobs {
			kn.set(at[i])
		}
	}
	return nil
}
