package faulty_test

import (
	"errors"
	"testing"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/faulty"
	"github.com/commbench/commbench/transport/mem"
)

// bare has nothing that a driver may leave out; the others have some of it.
type (
	bare   struct{ driver.Endpoint }
	rings  struct{ bare }
	chimes struct{ rings }
	polls  struct{ chimes }
	sees   struct{ bare }
)

var errGone = errors.New("gone")

func (rings) OwnBell() driver.Bell         { return nil }
func (rings) Bell() driver.Bell            { return nil }
func (chimes) Chime(driver.Bell)           {}
func (polls) Poll() bool                   { return true }
func (polls) Rest()                        {}
func (sees) Fault() error                  { return errGone }
func (sees) Push()                         { pushed++ }
func (sees) Peer(int, int) ([]byte, error) { return []byte{1}, nil }
func (bare) Close() error                  { return nil }

var pushed int

type only struct {
	driver.Driver
	e    driver.Endpoint
	opts driver.Options
}

func (o *only) Listen(_ driver.Place, opts driver.Options) (driver.Endpoint, error) {
	o.opts = opts
	return o.e, nil
}

type networked struct{ driver.Driver }

func (networked) Network() driver.Network { return driver.Network{Streams: 4} }

// What the driver inside can do, the one around it can, and nothing that matters more.
func TestOptionalInterfaces(t *testing.T) {
	for _, inside := range []driver.Endpoint{bare{}, rings{}, chimes{}, polls{}, sees{}} {
		for _, spec := range []faulty.Spec{{}, {Delay: 1}, {Reorder: true}} {
			o := &only{Driver: mem.New(), e: inside}
			d := faulty.New(o, spec)
			e, err := d.Listen(driver.Place{Size: 1}, driver.Options{Timeout: patience, Hold: true})
			must(t, err)
			_, belled := e.(driver.Belled)
			_, want := inside.(driver.Belled)
			if belled != want {
				t.Errorf("%T, %v: has bells: %v", inside, spec, belled)
			}
			_, chimer := e.(driver.Chimer)
			if _, want := inside.(driver.Chimer); chimer != want {
				t.Errorf("%T, %v: chimes: %v", inside, spec, chimer)
			}
			poller, ok := e.(driver.Poller)
			if _, want := inside.(driver.Poller); ok != want || ok && !poller.Poll() {
				t.Errorf("%T, %v: polls: %v", inside, spec, ok)
			}
			late := spec.Delay > 0 || spec.Reorder
			if d.Caps().Mapped == late || o.opts.Hold != (spec.Delay == 0) {
				t.Errorf("%v: mapped %v, holds %v", spec, d.Caps().Mapped, o.opts.Hold)
			}
			_, seeing := inside.(sees)
			pushed = 0
			e.(driver.Pusher).Push()
			if fault := e.(driver.Watcher).Fault(); (fault == errGone) != seeing || (pushed == 1) != seeing {
				t.Errorf("%T: fault %v, pushed %d times", inside, fault, pushed)
			}
			if m, err := e.(driver.Mapper).Peer(0, 0); (err == nil) != (seeing && !late) || (m != nil) != (err == nil) {
				t.Errorf("%T, %v: a peer is mapped as %v, %v", inside, spec, m, err)
			}
			must(t, errors.Join(e.Close(), e.Close()))
		}
	}
	if got := faulty.New(networked{mem.New()}, faulty.Spec{}).Network(); got.Streams != 4 {
		t.Errorf("the network is %+v", got)
	}
	if got := faulty.New(mem.New(), faulty.Spec{}).Network(); got != (driver.Network{}) {
		t.Errorf("the network of memory is %+v", got)
	}
}

// Values that make no sense do no harm.
func TestSpecOutOfRange(t *testing.T) {
	for _, spec := range []faulty.Spec{{Delay: -1}, {Drop: -1}, {DropAt: -1}, {Cut: -1}} {
		c, peer := channel(t, faulty.New(mem.New(), spec), patience)
		must(t, errors.Join(c.Signal(0, 1), c.Flush()))
		if peer.Load(0) != 1 {
			t.Errorf("%+v: the signal is lost", spec)
		}
	}
	d := faulty.New(mem.New(), faulty.Spec{Drop: 2, Delay: 1<<63 - 1})
	c, _ := channel(t, d, patience)
	must(t, errors.Join(c.Signal(0, 1), c.Flush()))
	if d.Injected().Dropped != 1 {
		t.Errorf("injected %+v", d.Injected())
	}
}
