// Package neon is the kernels of package block for arm64. STNP is a hint, and
// ordered as any store is; so there is nothing to fence but stores.
package neon
