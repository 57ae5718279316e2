//go:build cgo && linux

package nvml

import (
	"errors"
	"fmt"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/commbench/commbench/nvml/answer"
)

// maxEvents are taken of a device at one call, so that one that storms does not hold the caller.
const maxEvents = 64

// listen makes a set of events for this device alone: a set in which one registration failed
// is of no use to others.
func (d *device) listen() error {
	for _, symbol := range []string{"nvmlEventSetCreate", "nvmlEventSetFree", "nvmlEventSetWait", "nvmlDeviceRegisterEvents"} {
		if !d.lib.has(symbol) {
			return answer.None[Event]("this driver has no " + symbol).Err()
		}
	}
	kinds := ask(d, "nvmlDeviceGetSupportedEventTypes", gonvml.Device.GetSupportedEventTypes)
	switch k, ok := kinds.Get(); {
	case !ok:
		return kinds.Err()
	case k&gonvml.EventTypeXidCriticalError == 0:
		return answer.None[Event]("a GPU that reports no critical errors").Err()
	}
	set := of(d.lib, "nvmlEventSetCreate", d.lib.nvml.EventSetCreate)
	if err := set.Err(); err != nil {
		return err
	}
	d.events = set.Or(nil)
	return ask(d, "nvmlDeviceRegisterEvents", func(g gonvml.Device) (struct{}, gonvml.Return) {
		return struct{}{}, g.RegisterEvents(gonvml.EventTypeXidCriticalError, d.events)
	}).Err()
}

func (l *library) Events() ([]Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.New("nvml: closed, no events")
	}
	var events []Event
	var errs, none []error
	for _, d := range l.devices {
		some, err := d.reported()
		events = append(events, some...)
		if err == nil {
			continue
		}
		to := &errs
		if errors.Is(err, errors.ErrUnsupported) {
			to = &none
		}
		*to = append(*to, fmt.Errorf("nvml: no events of GPU %d: %w", d.number, err))
	}
	if len(errs) == 0 { // or else who cannot report would hide who may not be asked
		errs = none
	}
	return events, errors.Join(errs...)
}

// reported are events that are there. Those of a GPU that is lost are taken as well: they
// say why it is.
func (d *device) reported() ([]Event, error) {
	var events []Event
	for range maxEvents {
		if d.deaf != nil {
			return events, d.deaf
		}
		e, ret := d.events.Wait(0)
		switch {
		case ret == gonvml.ERROR_TIMEOUT:
			return events, nil
		case ret == gonvml.ERROR_GPU_IS_LOST:
			d.deaf = said("nvmlEventSetWait", e, ret).Err()
		case ret != gonvml.SUCCESS:
			return events, said("nvmlEventSetWait", e, ret).Err()
		case e.EventType&gonvml.EventTypeXidCriticalError != 0:
			events = append(events, Event{Device: d.number, Xid: e.EventData})
		}
	}
	return events, nil
}
