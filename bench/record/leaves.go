package record

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Leaves yields every leaf of the record in the order of its fields: the JSON
// path joined by "_" (time_us.p50 is "time_us_p50"), and the value. Values are
// string, bool, int, int64, uint64, float64, time.Time, []float64 or []string;
// what is unknown is nil. A list of groups is one leaf, their sentences, and a map
// its sorted "key=value"; the series of a sampling are left out. Names and their
// order are the same for every record, a null limit or baseline included, so they
// can head a table's columns.
func (r *Record) Leaves() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		walk(reflect.ValueOf(r).Elem(), "", true, yield)
	}
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	seriesType = reflect.TypeFor[[]Series]()
	valuesType = reflect.TypeFor[Values]()
)

// walk visits the leaves below v and says whether to go on. Below a nil
// pointer known is false: the names are visited, their values are nil.
func walk(v reflect.Value, name string, known bool, yield func(string, any) bool) bool {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return walk(reflect.Zero(v.Type().Elem()), name, false, yield)
		}
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Struct && v.Type() != timeType:
		for field, value := range v.Fields() {
			if !walk(value, join(name, field), known, yield) {
				return false
			}
		}
		return true
	case v.Type() == seriesType, v.Type() == valuesType:
		return true
	case !known, (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.IsNil():
		return yield(name, nil)
	case v.Kind() == reflect.Map:
		pairs := []string{}
		for _, key := range slices.Sorted(maps.Keys(v.Interface().(map[string]string))) {
			pairs = append(pairs, key+"="+v.MapIndex(reflect.ValueOf(key)).String())
		}
		return yield(name, pairs)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		sentences := []string{}
		for i := range v.Len() {
			sentences = append(sentences, fmt.Sprint(v.Index(i).Interface()))
		}
		return yield(name, sentences)
	default:
		return yield(name, v.Interface())
	}
}

// join is the name of a field below prefix. An embedded struct has no JSON
// name of its own, as in encoding/json.
func join(prefix string, field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if prefix == "" || name == "" {
		return prefix + name
	}
	return prefix + "_" + name
}
