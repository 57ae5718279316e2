//go:build !race

package faulty_test

const race = false
