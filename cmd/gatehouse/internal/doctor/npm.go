package doctor

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// oldestClient is the first version of socket.io-client whose protocol the TypeScript client and the server share.
const oldestClient = 4

// pinned is a version that is exact, or a range inside of one major version.
var pinned = regexp.MustCompile(`^[~^=v ]*(\d+)(\.[\dx*][^ |]*)?$`)

// npm finds npm packages in a version that does not work with Gatehouse.
func (c *checker) npm(m *goModule) {
	m.each(func(file string) {
		if filepath.Base(file) != "package.json" {
			return
		}
		text, err := os.ReadFile(file) //nolint:gosec // a file of the module
		if err != nil {
			return
		}
		var p struct {
			Dependencies    map[string]string `json:"dependencies"`
			DevDependencies map[string]string `json:"devDependencies"`
		}
		if json.Unmarshal(text, &p) != nil {
			return
		}
		for _, all := range []map[string]string{p.Dependencies, p.DevDependencies} {
			found := pinned.FindStringSubmatch(all["socket.io-client"])
			if found == nil {
				continue
			}
			if major, err := strconv.Atoi(found[1]); err == nil && major < oldestClient {
				c.addf(file, max(1, lineOf(file, `"socket.io-client"`)), false, fmt.Sprintf("run: npm install socket.io-client@%d", oldestClient),
					"socket.io-client %s is too old: the client in TypeScript needs %d", all["socket.io-client"], oldestClient)
			}
		}
	})
}
