package adminui

import (
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// enter has a page of this node be sent what it shows; false for one too many.
func (f *feed) enter(c websockets.Client) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.pages) == maxPages {
		return false
	}
	f.pages[c.ID()] = c
	f.opened = append(f.opened, c)
	f.watch()
	return true
}

// exit removes a page of this node.
func (f *feed) exit(c websockets.Client) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pages[c.ID()] == c {
		delete(f.pages, c.ID())
	}
	f.signal()
}

// ask is called for what another node asks for, which has pages.
func (f *feed) ask(m askMessage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.until = time.Now().Add(watchTime)
	if m.Page != "" && len(f.asked) < maxAsked {
		f.asked = append(f.asked, m.Page)
	}
	if m.Stale {
		for _, c := range f.pages {
			f.opened = append(f.opened, c)
		}
	}
	f.watch()
}
