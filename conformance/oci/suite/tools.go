//go:build tools

// Package suite names what ../build_tools builds, so that `go mod tidy` writes the checksums it needs.
package suite

import (
	_ "github.com/opencontainers/runtime-tools/cmd/runtimetest"
	_ "github.com/opencontainers/runtime-tools/validation/util"
)
