package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module    = "github.com/switchhook/switchhook/"
	fileLines = 600
	testLines = 800
	funcLines = 80
	fields    = 20
)

// source is one Go file of the module.
type source struct {
	path string // slash-separated, from the root
	dir  string // its package's folder
	test bool
	text string
	file *ast.File
	fset *token.FileSet
}

// sources reads every Go file of the module but those below a testdata folder.
func sources(t *testing.T) []source {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var all []source
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") && p != root) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		all = append(all, source{rel, path.Dir(rel), strings.HasSuffix(name, "_test.go"), string(text), file, fset})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no source found: is this test still two folders below the root?")
	}
	return all
}

// matches tells whether a plan's entry covers a folder.
func matches(entry, dir string) bool {
	if base, ok := strings.CutSuffix(entry, "/..."); ok {
		return strings.HasPrefix(dir, base+"/")
	}
	return entry == dir
}

// find gives the plan's entry with the longest match for a folder.
func find(dir string) (floor, bool) {
	best, found := "", false
	for entry := range floors {
		if matches(entry, dir) && (!found || len(strings.TrimSuffix(entry, "/...")) > len(strings.TrimSuffix(best, "/..."))) {
			best, found = entry, true
		}
	}
	return floors[best], found
}

func isOutside(dir string) bool {
	return slices.ContainsFunc(outside, func(o string) bool { return strings.HasPrefix(dir+"/", o) })
}

func imports(s source) []string {
	var out []string
	for _, i := range s.file.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		out = append(out, p)
	}
	return out
}

// may says why a package may not import another one of ours; empty when it may.
func may(from, to string) string {
	f, _ := find(from)
	g, ok := find(to)
	if !ok {
		return "it stands on no floor"
	}
	for entry, why := range f.forbids {
		if matches(entry, to) {
			return why
		}
	}
	covers := func(list []string) bool {
		return slices.ContainsFunc(list, func(e string) bool { return matches(e, to) })
	}
	switch {
	case f.only != nil && !covers(f.only):
		return "its floor lists all that it may know, and this is not there"
	case f.only == nil && !covers(f.also) && g.level >= f.level:
		return "imports go down, and siblings do not know each other"
	}
	return ""
}

func TestImportsGoDown(t *testing.T) {
	for _, s := range sources(t) {
		if isOutside(s.dir) {
			continue
		}
		if _, ok := find(s.dir); !ok {
			t.Errorf("%s: package %s stands on no floor: give it one in floors_test.go and docs/architecture.md", s.path, s.dir)
			continue
		}
		for _, p := range imports(s) {
			to, ours := strings.CutPrefix(p, module)
			if !ours || to == s.dir || s.test && (strings.HasSuffix(to, "test") || isOutside(to)) {
				continue
			}
			if isOutside(to) && to != "cmd/switchhook" {
				t.Errorf("%s imports %s: nothing imports tests and examples", s.path, to)
			} else if why := may(s.dir, to); why != "" && !s.test {
				t.Errorf("%s imports %s: %s", s.path, to, why)
			}
		}
	}
}

func TestThirdPartyWalls(t *testing.T) {
	for _, s := range sources(t) {
		for _, p := range imports(s) {
			for lib, where := range walls {
				inside := slices.ContainsFunc(where, func(w string) bool { return strings.HasPrefix(s.dir+"/", strings.TrimSuffix(w, "/")+"/") })
				if strings.HasPrefix(p, lib) && !inside && !s.test {
					t.Errorf("%s imports %s, which only %v may", s.path, p, where)
				}
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		lines, limit := strings.Count(s.text, "\n"), fileLines
		if s.test {
			limit = testLines
		}
		if lines > limit {
			t.Errorf("%s has %d lines, over %d: find its seam", s.path, lines, limit)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				size := s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
				if size > funcLines && !s.test && !strings.Contains(n.Doc.Text(), "state machine") {
					t.Errorf("%s: %s has %d lines, over %d", s.path, n.Name.Name, size, funcLines)
				}
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s: init runs unseen: name what runs in cmd/switchhook", s.path)
				}
			case *ast.StructType:
				if n.Fields.NumFields() > fields && !s.test {
					t.Errorf("%s:%d: a struct of %d fields, over %d", s.path, s.fset.Position(n.Pos()).Line, n.Fields.NumFields(), fields)
				}
			}
			return true
		})
	}
}

func TestEveryPackageOpensWithDoc(t *testing.T) {
	has, dirs := map[string]bool{}, map[string]bool{}
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "examples") {
			continue
		}
		dirs[s.dir] = true
		if path.Base(s.path) == "doc.go" && s.file.Doc.Text() != "" {
			has[s.dir] = true
		}
	}
	for dir := range dirs {
		if !has[dir] {
			t.Errorf("%s has no doc.go with a package comment", dir)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || isOutside(s.dir) {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && d.Doc.Text() == "" {
					t.Errorf("%s: %s has no comment", s.path, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if ts, ok := spec.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc.Text() == "" && ts.Doc.Text() == "" {
						t.Errorf("%s: type %s has no comment", s.path, ts.Name.Name)
					}
				}
			}
		}
	}
}

// exportedReceiver tells whether a function is a method of an exported type, or none at all.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	for _, markerMethod := range []string{"command", "event"} {
		if d.Name.Name == markerMethod {
			return false
		}
	}
	e := d.Recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if idx, ok := e.(*ast.IndexExpr); ok {
		e = idx.X
	}
	id, ok := e.(*ast.Ident)
	return ok && id.IsExported()
}

// words that are not ours outside a vendor's folder, with the one to use.
var words = map[*regexp.Regexp]string{
	regexp.MustCompile(`(?i)\bLEG-[AB]\b|X-PH-|\bSipHeaders\b|\bTransactionId\b`): "a vendor's word: it stays in that vendor's folder",
	regexp.MustCompile(`(?i)\bTODO\b|\bFIXME\b|\bXXX\b`):                          "an unfinished mark: finish it, or file it with a number",
}

func TestWords(t *testing.T) {
	for _, s := range sources(t) {
		vendor := strings.HasPrefix(s.dir, "dialect/") || isOutside(s.dir) || strings.HasPrefix(s.dir, "header")
		if s.test || vendor {
			continue
		}
		for re, why := range words {
			if w := re.FindString(s.text); w != "" {
				t.Errorf("%s says %q: %s", s.path, w, why)
			}
		}
	}
}

func TestNoVaguePackages(t *testing.T) {
	for _, s := range sources(t) {
		switch path.Base(s.dir) {
		case "utils", "util", "common", "helpers", "types", "core", "pkg", "manager", "misc", "base":
			t.Errorf("%s: %s is no word of telephony", s.path, path.Base(s.dir))
		}
	}
}

// mutable package variables are allowed for errors, compiled patterns and tables that nobody writes; the names of the
// types that would tell otherwise are few.
func TestNoMutablePackageVariables(t *testing.T) {
	typed, made := regexp.MustCompile(`^(sync\.|atomic\.|\*|chan )`), regexp.MustCompile(`^(make|new)\(|^&?(sync|atomic)\.`)
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				text := func(n ast.Node) string {
					return s.text[s.fset.Position(n.Pos()).Offset:s.fset.Position(n.End()).Offset]
				}
				bad := v.Names[0].Name != "_" && v.Type != nil && typed.MatchString(text(v.Type))
				for _, value := range v.Values {
					bad = bad || made.MatchString(text(value))
				}
				if bad {
					t.Errorf("%s: package variable %s can change: make it a field", s.path, v.Names[0].Name)
				}
			}
		}
	}
}
