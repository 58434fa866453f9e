package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var named = regexp.MustCompile("`(Test\\w+)`<br>(\\S+)")

// The page names exactly the existing tests, in their packages.
func TestThePageIsOfTheseTests(t *testing.T) {
	root := need.Root(t)
	tests, err := scan(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(tests) == 0 {
		t.Fatal("no tests found")
	}
	for _, p := range problems(tests) {
		t.Error(p)
	}
	b, err := os.ReadFile(filepath.Join(root, "docs", "reliability.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, x := range tests {
		want = append(want, x.dir+" "+x.name)
	}
	for _, m := range named.FindAllStringSubmatch(string(b), -1) {
		got = append(got, m[2]+" "+m[1])
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("docs/reliability.md does not name %s", w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("docs/reliability.md names %s, which does not exist", g)
		}
	}
	if t.Failed() {
		t.Log("regenerate it: go run ./test/internal/report -run")
	}
}

const sample = `package x

import "testing"

// TestCVE_2016_10542_V1_TooBig: A message over the limit ends the connection | 1009. More of it.
func TestCVE_2016_10542_V1_TooBig(t *testing.T) {}

// TestFault_F31_StuckReader: A client that never reads
// is dropped.
func TestFault_F31_StuckReader(t *testing.T) {}

func TestFault_F31_Bare(t *testing.T) {}

// TestFault_F999_Nowhere is of no row.
func TestFault_F999_Nowhere(t *testing.T) {}

func TestOther(t *testing.T) {}
`

// lay writes files into a new folder.
func lay(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestScan(t *testing.T) {
	root := lay(t, map[string]string{
		"go.mod": "module m\n", "a/x_test.go": sample, "nested/go.mod": "module n\n", "nested/b/y_test.go": sample,
		"a/y_test.go":            "//go:build never\n\n// Package x.\npackage x\n\n// TestFault_F2_Tagged: Off.\nfunc TestFault_F2_Tagged() {}\n",
		"node_modules/x_test.go": sample, "a/testdata/x_test.go": sample, "a/x.go": strings.ReplaceAll(sample, "Fault", "NoTest"),
	})
	tests, err := scan(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(tests) != 9 {
		t.Fatalf("found %d: %+v", len(tests), tests)
	}
	first := test{
		row: row{"V", 1}, name: "TestCVE_2016_10542_V1_TooBig", dir: "a", module: ".", reports: "CVE-2016-10542",
		text: "A message over the limit ends the connection | 1009.",
	}
	if tests[0] != first {
		t.Errorf("got %+v, want %+v", tests[0], first)
	}
	if got := tests[1]; got.dir != "nested/b" || got.module != "nested" {
		t.Errorf("got %+v", got)
	}
	if got := tests[2]; got.needs != "never" || got.text != "Off." {
		t.Errorf("got %+v", got)
	}
	if got := tests[4]; got.text != "A client that never reads is dropped." {
		t.Errorf("got %+v", got)
	}
	text := strings.Join(problems(tests), "\n")
	for _, want := range []string{
		"TestFault_F31_Bare in a has no comment: its first sentence must state what happens and what is expected",
		"TestFault_F999_Nowhere in a: row F999 does not exist; see sections in rows.go",
		"V2 has no test: write one, or add the reason to exceptions in rows.go",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

// The report runs the tests of all modules by itself, also those that fail.
func TestRunAll(t *testing.T) {
	const text = "package x\n\nimport \"testing\"\n\nfunc TestFault_F1_Good(t *testing.T) { t.Run(\"polling\", func(*testing.T) {}) }\n" +
		"func TestFault_F2_Bad(t *testing.T) { t.Fail() }\n\nfunc TestOther(t *testing.T) { t.Fail() }\n"
	module := "module " + modulePath
	root := lay(t, map[string]string{
		"go.mod": module + "\n", "x_test.go": text, "a/x_test.go": text, "nested/go.mod": module + "/nested\n", "nested/x_test.go": text,
	})
	tests, err := scan(root)
	if err != nil {
		t.Fatal(err)
	}
	rs := results{}
	if err := runAll(root, tests, false, rs); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{".", "a", "nested"} {
		good, bad := rs[[2]string{dir, "TestFault_F1_Good"}], rs[[2]string{dir, "TestFault_F2_Bad"}]
		if good == nil || good.action != "pass" || !slices.Equal(good.on(), []string{"polling"}) {
			t.Errorf("%s: %+v, should pass", dir, good)
		}
		if bad == nil || bad.action != "fail" {
			t.Errorf("%s: %+v, should fail", dir, bad)
		}
	}
	if len(rs) != 6 {
		t.Errorf("%d results", len(rs))
	}
}

const output = `{"Action":"start","Package":"github.com/gatehouse-go/gatehouse/a"}
# a line of the compiler
{"Action":"run","Package":"github.com/gatehouse-go/gatehouse/a","Test":"TestFault_F31_StuckReader"}
{"Action":"pass","Package":"github.com/gatehouse-go/gatehouse/a","Test":"TestFault_F31_StuckReader/polling"}
{"Action":"pass","Package":"github.com/gatehouse-go/gatehouse/a","Test":"TestFault_F31_StuckReader/drop/ws#01"}
{"Action":"pass","Package":"github.com/gatehouse-go/gatehouse/a","Test":"TestFault_F31_StuckReader"}
{"Action":"fail","Package":"github.com/gatehouse-go/gatehouse/a","Test":"TestCVE_2016_10542_V1_TooBig"}
{"Action":"run","Package":"github.com/gatehouse-go/gatehouse/a","Test":"TestFault_F1_NeverEnds"}
`

func TestRender(t *testing.T) {
	rs := results{}
	if err := rs.read(strings.NewReader(output)); err != nil {
		t.Fatal(err)
	}
	b, err := render([]test{
		{row: row{"V", 1}, name: "TestCVE_2016_10542_V1_TooBig", dir: "a", text: "A | __proto__.", reports: "CVE-2016-10542"},
		{row: row{"F", 31}, name: "TestFault_F31_StuckReader", dir: "a", text: "Stuck."},
		{row: row{"F", 31}, name: "TestFault_F31_Other", dir: "b", text: "Other.", needs: "never"},
		{row: row{"F", 1}, name: "TestFault_F1_NeverEnds", dir: "a", text: "Ends."},
	}, rs)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n| V1<br>CVE-2016-10542 | A \\| \\_\\_proto\\_\\_. | `TestCVE_2016_10542_V1_TooBig`<br>a | **fails** |\n",
		"\n| F31 | Stuck. | `TestFault_F31_StuckReader`<br>a | passes: ws, polling |\n| F31 | Other. | `TestFault_F31_Other`<br>b | not run: needs `never` |\n",
		"\n| F1 | Ends. | `TestFault_F1_NeverEnds`<br>a | **fails** |\n",
		"\n| F80 | The stream is trimmed past a client's offset. | – | no engine keeps events yet |\n",
		"\n200 rows, 4 tests: 1 pass, **2 fail**, 197 rows have none. ",
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in:\n%s", want, b)
		}
	}
}
