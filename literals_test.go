package galdecon_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestModulePath checks that the code doesn't know the module's path, so that another needs changes
// in import lines alone: what must name a package takes its path from home.Package, or from
// reflection. (Sources of cells, in tests, have import lines of their own.)
func TestModulePath(t *testing.T) {
	all, module := packages(t)
	path := regexp.QuoteMeta(module)
	names := regexp.MustCompile(`(^|[^\w/.-])` + path +
		`/(internal|galdecon|plotting|kernels|notebooks)\b|\bmodule ` + path + `\b|,` + path + `$`)
	checked := 0
	for folder, p := range all {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			checked++
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ImportSpec:
					return false
				case *ast.BinaryExpr: // alone, the path is the product's name as well
					if isPath(n.X, module) || isPath(n.Y, module) {
						t.Errorf("%s: a comparison with the module's path", set.Position(n.Pos()))
					}
				case *ast.BasicLit:
					text, err := strconv.Unquote(n.Value)
					cell := strings.HasSuffix(name, "_test.go") && strings.Contains(text, "import ")
					if n.Kind == token.STRING && err == nil && !cell && names.MatchString(text) {
						t.Errorf("%s: %s names the module", set.Position(n.Pos()), n.Value)
					}
				}
				return true
			})
		}
		if len(files) == 0 {
			t.Errorf("%s has no files", folder)
		}
	}
	if checked < 200 {
		t.Errorf("%d files only", checked)
	}
}

// isPath tells whether an expression is the module's path as a literal.
func isPath(e ast.Expr, module string) bool {
	literal, ok := e.(*ast.BasicLit)
	return ok && literal.Value == strconv.Quote(module)
}
