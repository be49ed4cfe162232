package invoke

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed bootstrap
var bootstraps embed.FS

// interpreter runs handler files of one language with a bootstrap of ours. The bootstrap is given on the standard input:
// no file of ours lies about, to be cleaned away or exchanged while we run.
type interpreter struct {
	argv      []string
	bootstrap string
	suffixes  []string                    // of handler files, those preferred first, as AWS Lambda does
	module    func(handler string) string // the file that a handler's name means, without suffix
}

func interpreters() []interpreter {
	return []interpreter{
		{[]string{"node", "--input-type=module", "-"}, "bootstrap.mjs", []string{".mjs", ".js", ".cjs"}, func(handler string) string {
			dir, base := filepath.Split(handler)
			base, _, _ = strings.Cut(base, ".")
			return dir + base
		}},
		{[]string{"python3", "-"}, "bootstrap.py", []string{".py", "/__init__.py"}, func(handler string) string {
			if dot := strings.LastIndexByte(handler, '.'); dot >= 0 {
				handler = handler[:dot]
			}
			return strings.ReplaceAll(handler, ".", "/")
		}},
	}
}

// program gives what starts a local function, and what it is given on its standard input.
func (d Declared) program() (argv []string, input []byte, err error) {
	if len(d.Command) > 0 {
		return d.Command, nil, nil
	}
	if !strings.Contains(d.Handler, ".") {
		return nil, nil, fmt.Errorf("its handler %q names no export: write it as file.export", d.Handler)
	}
	var found []string
	for _, in := range interpreters() {
		file, err := in.file(d)
		if err != nil {
			return nil, nil, err
		}
		if file == "" {
			continue
		}
		found = append(found, file)
		argv = in.argv
		if input, err = bootstraps.ReadFile("bootstrap/" + in.bootstrap); err != nil {
			return nil, nil, fmt.Errorf("read the bootstrap: %w", err)
		}
	}
	switch len(found) {
	case 0:
		return nil, nil, fmt.Errorf("no file for its handler %q in folder %q (.mjs, .js, .cjs or .py)", d.Handler, or(d.Dir, "."))
	case 1:
		return argv, input, nil
	}
	return nil, nil, fmt.Errorf("its handler %q could be any of %s", d.Handler, strings.Join(found, ", "))
}

// file finds a function's handler file; "" when there is none in this language.
func (in interpreter) file(d Declared) (string, error) {
	for _, suffix := range in.suffixes {
		file := filepath.Join(d.Dir, filepath.FromSlash(in.module(d.Handler)+suffix))
		info, err := os.Stat(file)
		if err == nil && !info.IsDir() {
			return file, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("look for its handler: %w", err)
		}
	}
	return "", nil
}
