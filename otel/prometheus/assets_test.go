package prometheus_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

const (
	dashboardFile = "dashboard/gatehouse.json"
	rulesFile     = "alerts/gatehouse.yml"
)

// dashboard is what a dashboard of Grafana has, of what ours uses.
type dashboard struct {
	UID           string            `json:"uid"`
	Title         string            `json:"title"`
	Description   string            `json:"description"`
	Tags          []string          `json:"tags"`
	SchemaVersion int               `json:"schemaVersion"`
	Version       int               `json:"version"`
	Editable      bool              `json:"editable"`
	Refresh       string            `json:"refresh"`
	Time          map[string]string `json:"time"`
	Timezone      string            `json:"timezone"`
	GraphTooltip  int               `json:"graphTooltip"`
	Templating    struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`
}

type source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type variable struct {
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	Label      string          `json:"label"`
	Datasource *source         `json:"datasource"`
	Query      json.RawMessage `json:"query"`
	Refresh    int             `json:"refresh"`
	Multi      bool            `json:"multi"`
	IncludeAll bool            `json:"includeAll"`
	AllValue   string          `json:"allValue"`
	Sort       int             `json:"sort"`
}

type panel struct {
	ID          int     `json:"id"`
	Type        string  `json:"type"`
	Title       string  `json:"title"`
	Description string  `json:"description"`
	Datasource  *source `json:"datasource"`
	Collapsed   bool    `json:"collapsed"`
	Panels      []panel `json:"panels"`
	GridPos     struct {
		H, W, X, Y int
	} `json:"gridPos"`
	FieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
			Min  int    `json:"min"`
		} `json:"defaults"`
		Overrides []struct{} `json:"overrides"`
	} `json:"fieldConfig"`
	Options struct {
		Legend struct {
			DisplayMode string `json:"displayMode"`
			Placement   string `json:"placement"`
			ShowLegend  bool   `json:"showLegend"`
		} `json:"legend"`
		Tooltip struct {
			Mode string `json:"mode"`
			Sort string `json:"sort"`
		} `json:"tooltip"`
	} `json:"options"`
	Targets []struct {
		RefID        string `json:"refId"`
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
		Range        bool   `json:"range"`
	} `json:"targets"`
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	b, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		t.Fatalf("%s: %v", dashboardFile, err)
	}
	return d
}

// queries returns those of the dashboard, by what asks.
func (d dashboard) queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all[p.Title+" "+target.RefID] = target.Expr
		}
	}
	for _, v := range d.Templating.List {
		var q struct{ Query string }
		if v.Type == "query" {
			if err := json.Unmarshal(v.Query, &q); err != nil {
				t.Errorf("variable %s: %v", v.Name, err)
			}
			all["variable "+v.Name] = q.Query
		}
	}
	return all
}

// TestDashboard: the dashboard has what Grafana reads and nothing else, its panels have ids of their own and do not overlap,
// and every query is about metrics and labels that there are.
func TestDashboard(t *testing.T) {
	d := readDashboard(t)
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.Type != "row" && (len(p.Targets) == 0 || p.Datasource == nil || p.FieldConfig.Defaults.Unit == "") {
			t.Errorf("panel %d %q: its id is another's, or something is missing", p.ID, p.Title)
		}
		ids[p.ID] = true
		g := p.GridPos
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("panel %q overlaps %q, or is too wide", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	queries := d.queries(t)
	if len(queries) < 30 {
		t.Errorf("%d queries", len(queries))
	}
	known := everything(t)
	for where, q := range queries {
		known.check(t, where, q)
	}
}

// TestAlerts: every alert is about metrics and labels that there are.
func TestAlerts(t *testing.T) {
	known, rules := everything(t), exprs(t)
	for where, q := range rules {
		known.check(t, where, q)
	}
	b, err := os.ReadFile("alerts/gatehouse_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name := range rules {
		if n := strings.Count(string(b), "alertname: "+name); n != 2 {
			t.Errorf("%s has %d tests, want that it is quiet and that it fires", name, n)
		}
	}
	for _, m := range regexp.MustCompile(`series: '([^']+)'`).FindAllStringSubmatch(string(b), -1) {
		known.check(t, "gatehouse_test.yml", m[1])
	}
}

// exprs returns the expressions of the rules, by the name of the alert.
func exprs(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`(?s)- alert: (\w+)\n +expr: \|\n(.*?)\n +(?:for|labels):`).FindAllStringSubmatch(string(b), -1) {
		all[m[1]] = m[2]
	}
	if n := strings.Count(string(b), "- alert:"); len(all) != n || n < 10 {
		t.Fatalf("%d of %d alerts were read", len(all), n)
	}
	return all
}

// TestPromtool: the rules are what promtool accepts, their tests pass, and so is every query of the dashboard.
func TestPromtool(t *testing.T) {
	tool := need.Program(t, "PROMTOOL", "promtool")
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	run("check", "rules", rulesFile)
	run("test", "rules", "alerts/gatehouse_test.yml")

	var rules strings.Builder
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	for where, q := range readDashboard(t).queries(t) {
		if strings.HasPrefix(where, "variable") {
			continue // label_values is Grafana's
		}
		q, err := json.Marshal(strings.NewReplacer("$__rate_interval", "5m", "$job", "a", "$instance", "b").Replace(q)) // JSON is YAML
		if err != nil {
			t.Fatal(err)
		}
		rules.WriteString("      - record: dashboard:query\n        labels: {query: " + strings.ReplaceAll(regexp.MustCompile(`\W`).ReplaceAllString(where, "_"), " ", "_") + "}\n        expr: " + string(q) + "\n")
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run("check", "rules", file)
}

// metrics are those that there are, with their labels.
type metrics map[string][]string

// everything returns the metrics of an application that has done one of each, and has ended.
func everything(t *testing.T) metrics {
	t.Helper()
	a, registry, _ := scraped(t)
	broken := rawpeer.Open(t, a.URL(), "/")
	broken.Send("{")
	broken.Text()
	dropped := func() bool { return slices.Contains(namesOf(t, registry), "gatehouse_message_dropped_total") }
	leaving := a.DialSocketIO("/")
	leaving.Close()
	testkit.Eventually(t, "a client that has left", dropped)
	if _, err := apptest.TryDialWS(t, a.URL()+"/nowhere"); err == nil {
		t.Error("a path without a gateway is open")
	}
	if err := a.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := metrics{}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		labels := []string{"job", "instance"}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName())
			}
		}
		all[f.GetName()] = labels
		if f.GetMetric()[0].GetHistogram() != nil {
			all[f.GetName()+"_bucket"], all[f.GetName()+"_sum"], all[f.GetName()+"_count"] = append(labels, "le"), labels, labels
		}
	}
	return all
}

func namesOf(t *testing.T, registry *client.Registry) (all []string) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		all = append(all, f.GetName())
	}
	return all
}

var (
	quoted   = regexp.MustCompile(`"[^"]*"`)
	selector = regexp.MustCompile(`([a-z_:]+)(?:\{([^}]*)\})?`)
	grouping = regexp.MustCompile(`(?:by|without|on|ignoring) \(([^)]*)\)`)
	word     = regexp.MustCompile(`[a-z_]+`)
)

// check holds a query of PromQL against the metrics: every name that starts as ours do is a metric, and has the labels by which
// it is selected and grouped.
func (all metrics) check(t *testing.T, where, query string) {
	t.Helper()
	var labels, grouped []string
	query = quoted.ReplaceAllString(query, `""`)
	for _, g := range grouping.FindAllStringSubmatch(query, -1) {
		grouped = append(grouped, word.FindAllString(g[1], -1)...)
	}
	found := 0
	for _, s := range selector.FindAllStringSubmatch(grouping.ReplaceAllString(query, ""), -1) {
		if !strings.HasPrefix(s[1], "gatehouse_") && !strings.HasPrefix(s[1], "rpc_") {
			continue
		}
		found++
		has, ok := all[s[1]]
		if !ok {
			t.Errorf("%s: there is no metric %s", where, s[1])
		}
		labels = append(labels, has...)
		for matcher := range strings.SplitSeq(s[2], ",") {
			if name := word.FindString(matcher); name != "" && !slices.Contains(has, name) {
				t.Errorf("%s: %s has no label %s", where, s[1], name)
			}
		}
	}
	for _, name := range grouped {
		if !slices.Contains(labels, name) {
			t.Errorf("%s: %s is no label of its metrics", where, name)
		}
	}
	if found == 0 {
		t.Errorf("%s has no metric: %s", where, query)
	}
}
