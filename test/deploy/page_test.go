// Package deploy_test checks what docs/scaling.md shows of other software: manifests, units and
// configurations.
package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(need.Root(t), "docs", "scaling.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The sections of the page.
const (
	balancers  = "WebSocket only, or sticky sessions"
	frontends  = "TLS, a sub-path, a Unix socket"
	systemd    = "systemd"
	kubernetes = "Kubernetes"
	image      = "An image"
)

// block returns the only block of a language in a section of the page.
func block(t *testing.T, section, language string) string {
	t.Helper()
	_, text, found := strings.Cut(page(t), "\n## "+section+"\n")
	if !found {
		t.Fatalf("docs/scaling.md has no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	parts := strings.Split(text, "\n```"+language+"\n")
	if len(parts) != 2 {
		t.Fatalf("%q of docs/scaling.md has %d blocks of %s, want one", section, len(parts)-1, language)
	}
	text, _, _ = strings.Cut(parts[1], "\n```\n")
	return text + "\n"
}

// write writes a file into a new folder, and returns both.
func write(t *testing.T, name, text string) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

// accept runs a command, which must succeed for the page and fail for the same with a mistake.
func accept(t *testing.T, right, mistake string, command func(text string) *exec.Cmd) {
	t.Helper()
	if out, err := command(right).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := command(right + mistake).CombinedOutput(); err == nil {
		t.Errorf("a mistake is accepted: %s", out)
	}
}

// nginxConf returns the page's configuration as a whole file, which writes only into its folder.
func nginxConf(blocks string) string {
	return "pid nginx.pid; events {}\nhttp {\naccess_log off;\n" +
		"client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n" + blocks + "}\n"
}

func TestNginx(t *testing.T) {
	program := need.Program(t, "NGINX", "nginx")
	accept(t, block(t, balancers, "nginx"), "\nno_such_directive;\n", func(text string) *exec.Cmd {
		dir, file := write(t, "nginx.conf", nginxConf(text))
		return exec.CommandContext(t.Context(), program, "-t", "-p", dir, "-e", "stderr", "-c", file)
	})
}

// TestNginxOfCluster: scripts/cluster has the same configuration, so a test with a browser uses it.
func TestNginxOfCluster(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(need.Root(t), "scripts", "cluster"))
	if err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(string(text), `\$`, "$")
	found := 0
	for line := range strings.Lines(block(t, balancers, "nginx")) {
		line, _, _ = strings.Cut(line, " #")
		line = strings.TrimSpace(line)
		if server, has := strings.CutPrefix(line, "server 10.0.0."); has {
			_, line, _ = strings.Cut(server, ":3000") // the addresses differ
			line = "%s" + line
			if !strings.Contains(script, line) {
				t.Errorf("scripts/cluster does not have %q", line)
			}
			continue
		}
		if strings.HasPrefix(line, "listen ") {
			continue
		}
		if found++; !strings.Contains(script, " "+line+"\n") {
			t.Errorf("scripts/cluster does not have %q", line)
		}
	}
	if found < 20 {
		t.Errorf("%d lines compared", found)
	}
}

func TestHAProxy(t *testing.T) {
	program := need.Program(t, "HAPROXY", "haproxy")
	accept(t, block(t, balancers, "haproxy"), "\n  no_such_keyword\n", func(text string) *exec.Cmd {
		_, file := write(t, "haproxy.cfg", text)
		return exec.CommandContext(t.Context(), program, "-c", "-f", file)
	})
}

func TestSystemd(t *testing.T) {
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("not checked: this system has no systemd, which setup cannot install")
		return
	}
	unit := strings.ReplaceAll(block(t, systemd, "ini"), "/usr/local/bin/chat", "/bin/true")
	accept(t, unit, "[Service]\nNoSuchSetting=1\n", func(text string) *exec.Cmd {
		_, file := write(t, "chat.service", text)
		return exec.CommandContext(t.Context(), program, "verify", "--man=no", "--recursive-errors=no", file)
	})
}

// TestImage builds the program as the Dockerfile does.
func TestImage(t *testing.T) {
	file := block(t, image, "dockerfile")
	const args = "go build -trimpath -ldflags=-s -o /chat ."
	if !strings.Contains(file, "RUN CGO_ENABLED=0 "+args+"\n") {
		t.Fatalf("the Dockerfile does not build with %q", args)
	}
	out := filepath.Join(t.TempDir(), "chat")
	cmd := exec.CommandContext(t.Context(), need.Program(t, "", "go"), strings.Fields(strings.ReplaceAll(args[len("go "):], "/chat", out))...)
	cmd.Dir = "chat"
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if strings.Contains(file, "FROM gcr.io/distroless/static") {
		if info, err := exec.CommandContext(t.Context(), "go", "version", "-m", out).CombinedOutput(); err != nil || !strings.Contains(string(info), "CGO_ENABLED=0") {
			t.Errorf("the program is not static: %v\n%s", err, info)
		}
	}
}
