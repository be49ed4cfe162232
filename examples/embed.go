package examples

import "embed"

// Bridge is the function that the demo runs: examples/chime-bridge, as it stands.
//
//go:embed chime-bridge/index.mjs
var Bridge embed.FS
