package answer

import (
	"fmt"
	"reflect"
	"strings"
)

// failing is an Of of any type.
type failing interface{ Err() error }

// Missing says of every answer in v that is no value why, by its place in the JSON of v:
// {"gpus[0].sm_clock_mhz": "not supported: ..."}. It walks exported fields of
// structs, elements of slices and arrays, and what pointers point to.
func Missing(v any) map[string]string {
	why := map[string]string{}
	missing(reflect.ValueOf(v), "", why)
	return why
}

func missing(v reflect.Value, at string, why map[string]string) {
	if !v.IsValid() {
		return
	}
	if v.CanInterface() {
		if a, ok := v.Interface().(failing); ok && v.Kind() == reflect.Struct {
			if err := a.Err(); err != nil {
				why[at] = err.Error()
			} else if value, ok := v.Interface().(interface{ any() any }); ok {
				missing(reflect.ValueOf(value.any()), at, why)
			}
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			missing(v.Elem(), at, why)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			missing(v.Index(i), fmt.Sprintf("%s[%d]", at, i), why)
		}
	case reflect.Struct:
		for field, value := range v.Fields() {
			if !field.IsExported() && !field.Anonymous {
				continue
			}
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case name == "-":
				continue
			case name == "" && field.Anonymous:
				missing(value, at, why)
				continue
			case name == "":
				name = field.Name
			}
			missing(value, strings.TrimPrefix(at+"."+name, "."), why)
		}
	}
}

// any is the value of an answer that has one, whatever its type.
func (a Of[T]) any() any { return a.value }
