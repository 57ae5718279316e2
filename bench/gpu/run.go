package gpu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/commbench/commbench/nvml/cuda"
)

// run is a measurement on its way.
type run struct {
	Config
	ctx       context.Context
	result    Result
	done, all int // figures
}

// Run measures. The result has what was measured before an error, or before ctx was
// cancelled, whose error is returned. Bytes that are wrong are no error: Result.Wrong has them. Without
// a driver or a GPU that can be measured the error is errors.ErrUnsupported; what was asked
// for in vain is ErrConfig.
func Run(ctx context.Context, cfg Config) (Result, error) {
	r := &run{Config: cfg, ctx: ctx}
	r.Repeats = cmp.Or(cfg.Repeats, DefaultRepeats)
	if r.Repeats < 1 || r.Repeats > MostRepeats {
		return Result{}, fmt.Errorf("%d repeats %w: want 1 to %d", cfg.Repeats, ErrConfig, MostRepeats)
	}
	if cfg.Bytes < 0 {
		return Result{}, fmt.Errorf("%d bytes %w: want at least %d", cfg.Bytes, ErrConfig, group)
	}
	driver, err := cuda.Open(cfg.Library)
	if err != nil {
		return Result{}, err
	}
	r.result = Result{CUDA: driver.CUDA(), Repeats: r.Repeats, GPUs: []*GPU{}, Peers: []Peer{}, Wrong: []string{}, Warnings: []string{}}
	err = r.measure(driver)
	r.result.Interrupted = err != nil && errors.Is(err, ctx.Err())
	return r.result, err
}

func (r *run) measure(driver cuda.Driver) (err error) {
	benches, err := r.open(driver)
	defer func() {
		for _, b := range benches {
			if e := b.close(); err == nil {
				err = e // after another error it is only its echo
			}
		}
	}()
	if err != nil {
		return err
	}
	for _, b := range benches {
		r.all += b.figures()
	}
	r.all += len(benches) * (len(benches) - 1)
	if r.Ready != nil {
		var gpus []*GPU
		for _, b := range benches {
			gpus = append(gpus, b.out)
		}
		r.Ready(gpus)
	}
	for _, b := range benches {
		r.result.GPUs = append(r.result.GPUs, b.out)
		if err := b.measure(); err != nil {
			return b.named(err)
		}
	}
	return r.peers(benches)
}

// open makes all GPUs ready that are asked for. Those that are open are returned with an
// error too.
func (r *run) open(driver cuda.Driver) (benches []*bench, err error) {
	found := driver.Devices()
	devices := r.Devices
	for i, n := range devices {
		if n < 0 || n >= len(found) || slices.Contains(devices[:i], n) {
			return nil, fmt.Errorf("GPUs %v %w: want different ones of 0 to %d", devices, ErrConfig, len(found)-1)
		}
	}
	if len(devices) == 0 {
		for _, d := range found {
			devices = append(devices, d.Number)
		}
	}
	var last error
	for _, n := range devices {
		b, err := r.use(driver, &found[n])
		if (errors.Is(err, errors.ErrUnsupported) || errors.Is(err, cuda.ErrTaken)) && len(r.Devices) == 0 {
			last = err
			r.result.Warnings = append(r.result.Warnings, err.Error())
			continue
		}
		if err != nil {
			return benches, err
		}
		benches = append(benches, b)
	}
	if len(benches) == 0 {
		return nil, last
	}
	return benches, nil
}

// use makes a GPU ready.
func (r *run) use(driver cuda.Driver, d *cuda.Device) (*bench, error) {
	gpu, err := driver.Use(d.Number)
	if err != nil {
		return nil, err
	}
	b := &bench{run: r, GPU: gpu, device: *d}
	if err := b.prepare(); err != nil {
		_ = b.close() // the first error is the one to tell
		return nil, b.named(err)
	}
	return b, nil
}

// say tells of the next figure.
func (r *run) say(format string, args ...any) {
	if r.Progress != nil {
		r.Progress(fmt.Sprintf(format, args...), r.done, r.all)
	}
	r.done++
}

// repeat calls sample, which returns microseconds, until there are enough. The first ones do
// not count.
func (r *run) repeat(sample func() (float64, error)) (us []float64, err error) {
	for i := range warmup + r.Repeats {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		t, err := sample()
		if err != nil {
			return nil, err
		}
		if i >= warmup {
			us = append(us, t)
		}
	}
	return us, nil
}

// peers copies from every GPU to every other, one pair at a time.
func (r *run) peers(benches []*bench) error {
	for _, from := range benches {
		for _, to := range benches {
			if from == to {
				continue
			}
			p, err := r.peer(from, to)
			if err != nil {
				return from.named(err)
			}
			r.result.Peers = append(r.result.Peers, p)
		}
	}
	return nil
}

func (r *run) peer(from, to *bench) (p Peer, err error) {
	p.From, p.To = from.device.Number, to.device.Number
	if p.Direct, err = from.Reach(to.GPU); err != nil {
		return p, err
	}
	n := min(block, from.out.Bytes, to.out.Bytes)
	src, dst := from.src.First(n), to.dst.First(n)
	seed := from.next()
	if err := errors.Join(from.fill(src, seed), to.fill(dst, from.next()), to.Wait()); err != nil {
		return p, err
	}
	rate, err := from.figure(fmt.Sprintf("copy to GPU %d", p.To), n,
		func() error { return from.ToPeer(to.GPU, dst, src) },
		func() (int64, error) { return to.wrong(dst, seed) })
	if err == nil {
		p.Rate = *rate
	}
	return p, err
}
