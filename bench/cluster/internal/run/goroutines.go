package run

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
)

// goroutines is what a profile of a node shows.
type goroutines struct {
	all      int
	handling int // those in which a handler runs
	waiting  int // of these, those that wait for Redis
}

// most has the largest of each.
func (g *goroutines) most(other goroutines) {
	g.all, g.handling, g.waiting = max(g.all, other.all), max(g.handling, other.handling), max(g.waiting, other.waiting)
}

// redisClients are parts of the stack of a goroutine that is in a call to Redis.
var redisClients = []string{"github.com/redis/rueidis", "gatehouse/backplane/redis", "[IO wait"}

var goroutineHead = regexp.MustCompile(`(?m)^goroutine \d+ .*\[`)

// count reads a profile with whole stacks.
func count(profile string) (g goroutines) {
	heads := goroutineHead.FindAllStringIndex(profile, -1)
	for i, head := range heads {
		end := len(profile)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		g.all++
		stack := profile[head[0]:end]
		if !strings.Contains(stack, node.HandleFrame) {
			continue
		}
		g.handling++
		for _, part := range redisClients {
			if strings.Contains(stack, part) {
				g.waiting++
				break
			}
		}
	}
	return g
}

// profile asks a node for its goroutines; ok is false where it has none, on Node.
func (p *process) profile(ctx context.Context) (g goroutines, ok bool, err error) {
	if p.at.Stats == "" {
		return g, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.at.Stats+"/goroutines?debug=2", nil)
	if err != nil {
		return g, false, err
	}
	req.Close = true // no connection, and no goroutine in the node, between two looks
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return g, false, fmt.Errorf("the goroutines of %s: %w", p.name, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return g, false, fmt.Errorf("the goroutines of %s: %w", p.name, err)
	}
	return count(string(text)), true, nil
}
