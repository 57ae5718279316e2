//go:build cgo && linux

package nvml

import (
	"encoding/binary"
	"errors"
	"fmt"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/commbench/commbench/nvml/answer"
)

// said is what NVML's own codes mean as an answer.
func said[T any](call string, v T, ret gonvml.Return) answer.Of[T] {
	switch ret {
	case gonvml.SUCCESS:
		return answer.Is(v)
	case gonvml.ERROR_NOT_SUPPORTED, gonvml.ERROR_FUNCTION_NOT_FOUND, gonvml.ERROR_DEPRECATED:
		return answer.None[T](call + ": " + ret.Error())
	}
	return answer.Unknown[T](call + ": " + ret.Error())
}

// of makes a call that is not of a device.
func of[T any](l *library, symbol string, call func() (T, gonvml.Return)) answer.Of[T] {
	switch {
	case l.closed:
		return answer.Unknown[T]("NVML is closed")
	case !l.has(symbol):
		return answer.None[T]("this driver has no " + symbol)
	}
	v, ret := call()
	return said(symbol, v, ret)
}

// call makes a call of a device that still answers, and remembers if it is lost: a lost GPU
// may take seconds to say so again.
func call[T any](d *device, symbol string, f func(gonvml.Device) (T, gonvml.Return)) (a answer.Of[T], ret gonvml.Return) {
	if d.gone != nil {
		return answer.From(*new(T), d.gone), gonvml.SUCCESS
	}
	a = of(d.lib, symbol, func() (v T, _ gonvml.Return) {
		v, ret = f(d.handle)
		return v, ret
	})
	switch {
	case ret == gonvml.ERROR_GPU_IS_LOST:
		d.gone = a.Err()
	case ret == gonvml.ERROR_NOT_SUPPORTED && d.mig:
		a = answer.None[T](symbol + ": " + ret.Error() + ", in MIG mode")
	}
	return a, ret
}

// ask is call without the code.
func ask[T any](d *device, symbol string, f func(gonvml.Device) (T, gonvml.Return)) answer.Of[T] {
	a, _ := call(d, symbol, f)
	return a
}

// askLink asks about a link. There is none by a number that is too high.
func askLink[T any](d *device, symbol string, link int, f func(gonvml.Device, int) (T, gonvml.Return)) answer.Of[T] {
	a, ret := call(d, symbol, with(f, link))
	if ret == gonvml.ERROR_INVALID_ARGUMENT {
		return answer.None[T](fmt.Sprintf("%s: no link %d", symbol, link))
	}
	return a
}

// askPeer asks about two GPUs. If one of them is lost the code does not say which.
func askPeer[T any](d, peer *device, symbol string, f func(gonvml.Device) (T, gonvml.Return)) answer.Of[T] {
	if peer.gone != nil {
		return answer.From(*new(T), peer.gone)
	}
	gone := d.gone
	a := ask(d, symbol, f)
	d.gone = gone
	return a
}

// with is f of a second argument.
func with[A, T any](f func(gonvml.Device, A) (T, gonvml.Return), arg A) func(gonvml.Device) (T, gonvml.Return) {
	return func(d gonvml.Device) (T, gonvml.Return) { return f(d, arg) }
}

// allLinks is the scope of a field that is summed over links.
const allLinks = ^uint32(0)

// field is one of NVML's fields, of one link where it is a link's.
type field struct{ id, scope uint32 }

// fields asks for several at once. Every one has its own code.
func (d *device) fields(want ...field) []answer.Of[uint64] {
	answers, _ := d.typed(want...)
	return answers
}

// typed also says how many bits each has, 0 where there is no value.
func (d *device) typed(want ...field) (answers []answer.Of[uint64], bits []int) {
	values := make([]gonvml.FieldValue, len(want))
	for i, f := range want {
		values[i].FieldId, values[i].ScopeId = f.id, f.scope
	}
	all := ask(d, "nvmlDeviceGetFieldValues", func(g gonvml.Device) (struct{}, gonvml.Return) {
		return struct{}{}, g.GetFieldValues(values)
	})
	answers, bits = make([]answer.Of[uint64], len(want)), make([]int, len(want))
	for i, v := range values {
		if answers[i] = answer.From(uint64(0), all.Err()); all.Err() == nil {
			answers[i], bits[i] = d.field(v)
		}
	}
	return answers, bits
}

func (d *device) field(v gonvml.FieldValue) (a answer.Of[uint64], bits int) {
	name, ret := fmt.Sprintf("nvmlDeviceGetFieldValues, field %d", v.FieldId), gonvml.Return(v.NvmlReturn)
	number := uint64(0)
	switch gonvml.ValueType(v.ValueType) {
	case gonvml.VALUE_TYPE_UNSIGNED_INT:
		number, bits = uint64(binary.NativeEndian.Uint32(v.Value[:])), 32
	case gonvml.VALUE_TYPE_UNSIGNED_LONG, gonvml.VALUE_TYPE_UNSIGNED_LONG_LONG:
		number, bits = binary.NativeEndian.Uint64(v.Value[:]), 64
	case gonvml.VALUE_TYPE_UNSIGNED_SHORT:
		number, bits = uint64(binary.NativeEndian.Uint16(v.Value[:])), 16
	}
	switch {
	case ret == gonvml.ERROR_INVALID_ARGUMENT: // a field or a link that the driver does not know
		return answer.None[uint64](name + ": " + ret.Error()), 0
	case ret != gonvml.SUCCESS:
		a = said(name, number, ret)
		if ret == gonvml.ERROR_GPU_IS_LOST {
			d.gone = a.Err()
		}
		return a, 0
	case bits == 0:
		return answer.Unknown[uint64](fmt.Sprintf("%s: a value of type %d, expected an unsigned number", name, v.ValueType)), 0
	}
	return answer.Is(number), bits
}

// then is f of a value; what is no value stays as it is.
func then[T, U any](a answer.Of[T], f func(T) answer.Of[U]) answer.Of[U] {
	if v, ok := a.Get(); ok {
		return f(v)
	}
	return answer.From(*new(U), a.Err())
}

// or is the other answer where there is none.
func or[T any](a answer.Of[T], other func() answer.Of[T]) answer.Of[T] {
	if errors.Is(a.Err(), errors.ErrUnsupported) {
		return other()
	}
	return a
}

// named is the name of one of NVML's numbers. One that is newer than this program has none.
func named[K ~int32 | ~uint32](a answer.Of[K], what string, names map[K]string) answer.Of[string] {
	return then(a, func(k K) answer.Of[string] {
		if name, ok := names[k]; ok {
			return answer.Is(name)
		}
		return answer.Unknown[string](fmt.Sprintf("NVML answers %s %d, which has no name here", what, k))
	})
}
