package answer

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrUnknown: the probe could not tell. That there is nothing to tell is errors.ErrUnsupported.
var ErrUnknown = errors.New("could not tell")

// none is errors.ErrUnsupported in fewer words.
type none struct{ why string }

func (n none) Error() string        { return "not supported: " + n.why }
func (n none) Is(target error) bool { return target == errors.ErrUnsupported }

// Of is one answer. The zero value is that nobody asked. It is immutable and safe for
// concurrent use if T is.
type Of[T any] struct {
	value T
	err   error // nil: not asked, unless known
	known bool
}

// Is is a value.
func Is[T any](v T) Of[T] { return Of[T]{value: v, known: true} }

// None is that there is no value here, and why: "no such sensor".
func None[T any](why string) Of[T] {
	return Of[T]{err: none{why}}
}

// Unknown is that the probe could not tell, and why: "permission denied".
func Unknown[T any](why string) Of[T] {
	return Of[T]{err: fmt.Errorf("%w: %s", ErrUnknown, why)}
}

// From is what a call that returns an error has answered. An error that is
// errors.ErrUnsupported means that there is none, any other that it could not tell.
func From[T any](v T, err error) Of[T] {
	switch {
	case err == nil:
		return Is(v)
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, ErrUnknown):
		return Of[T]{err: err}
	}
	return Of[T]{err: fmt.Errorf("%w: %w", ErrUnknown, err)}
}

// Map is f of a value; what is no value stays as it is.
func Map[T, U any](a Of[T], f func(T) U) Of[U] {
	if v, ok := a.Get(); ok {
		return Is(f(v))
	}
	return Of[U]{err: a.err}
}

// Get is the value, and whether there is one.
func (a Of[T]) Get() (T, bool) { return a.value, a.known }

// Or is the value, or other where there is none.
func (a Of[T]) Or(other T) T {
	if a.known {
		return a.value
	}
	return other
}

// Ptr is the value, or nil: the shape that records have.
func (a Of[T]) Ptr() *T {
	if !a.known {
		return nil
	}
	return &a.value
}

// Err is nil for a value, and otherwise wraps errors.ErrUnsupported or ErrUnknown.
func (a Of[T]) Err() error {
	if !a.known && a.err == nil {
		return fmt.Errorf("%w: not asked", ErrUnknown)
	}
	return a.err
}

// String is the value as fmt prints it, or why there is none.
func (a Of[T]) String() string {
	if a.known {
		return fmt.Sprint(a.value)
	}
	return a.Err().Error()
}

// MarshalJSON is the value, or null.
func (a Of[T]) MarshalJSON() ([]byte, error) { return json.Marshal(a.Ptr()) }
