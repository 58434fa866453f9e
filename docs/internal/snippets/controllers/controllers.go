// Package controllers is the code of docs/http.md.
package controllers

import (
	"context"
	"embed"
	"encoding/csv"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"sync"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/cors"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
)

// Controller has the routes of rooms.
//
// snippet:controller
type Controller struct{ rooms *Rooms }

func NewController(rooms *Rooms) *Controller { return &Controller{rooms} }

func (c *Controller) Routes(r chi.Router) {
	r.Get("/", web.JSON(c.list))
	r.Post("/{room}/messages", web.JSON(c.post))
	r.Delete("/{room}", web.JSON(c.remove))
	r.With(middleware.NoCache).Get("/{room}.csv", web.Handle(c.export))
}

var Module = module.New("rooms",
	module.Providers(NewRooms),
	module.Controllers(web.Controller(NewController, web.Prefix("/rooms"), web.Version("1"))),
)

// end

func main() {
	// snippet:main
	app.Main(Module, app.HTTP(":3000",
		web.Prefix("/api"), // GET /api/v1/rooms
		web.BodyLimit(64<<10),
		web.CORS(cors.Options{AllowedOrigins: []string{"https://app.example.com"}, AllowCredentials: true}),
	))
	// end
}

var _ = main

// List is the input of a route.
//
// snippet:input
type List struct {
	Prefix string   `query:"prefix"`
	Limit  *int     `query:"limit"` // nil if absent
	Tags   []string `query:"tag"`   // ?tag=a&tag=b
	Lang   string   `header:"Accept-Language"`
}

type Post struct {
	Room string `path:"room"`
	Text string `json:"text"` // fields without such a tag are read from the body
}

func (c *Controller) list(_ context.Context, in List) ([]string, error) {
	return c.rooms.list(in.Prefix, in.Limit), nil // 200
}

func (c *Controller) post(_ context.Context, in Post) (Message, error) {
	return c.rooms.post(in.Room, in.Text) // 201
}

func (c *Controller) remove(_ context.Context, in struct {
	Room string `path:"room"`
}) (struct{}, error) {
	if !c.rooms.remove(in.Room) {
		return struct{}{}, &web.Error{Message: "There is no room " + in.Room, Code: "no_room", Status: 404}
	}
	return struct{}{}, nil // 204
}

// end

// export writes its answer itself.
//
// snippet:handle
func (c *Controller) export(w http.ResponseWriter, r *http.Request) error {
	messages, err := c.rooms.all(r.PathValue("room"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv")
	return csv.NewWriter(w).WriteAll(messages)
}

// end

// Message is what was said.
type Message struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

// Rooms have messages.
type Rooms struct {
	mu    sync.Mutex
	rooms map[string][]Message
}

// NewRooms makes Rooms.
func NewRooms() *Rooms { return &Rooms{rooms: map[string][]Message{"tea": nil, "toast": nil}} }

func (r *Rooms) list(prefix string, limit *int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := []string{}
	for name := range r.rooms {
		if len(name) >= len(prefix) && name[:len(prefix)] == prefix {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if limit != nil {
		names = names[:min(*limit, len(names))]
	}
	return names
}

var errFull = errors.New("rooms: disk full")

func (r *Rooms) post(room, text string) (Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if text == "" {
		return Message{}, errFull
	}
	m := Message{len(r.rooms[room]) + 1, text}
	r.rooms[room] = append(r.rooms[room], m)
	return m, nil
}

func (r *Rooms) remove(room string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.rooms[room]
	delete(r.rooms, room)
	return ok
}

func (r *Rooms) all(room string) ([][]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	messages, ok := r.rooms[room]
	if !ok {
		return nil, &web.Error{Message: "There is no room " + room, Status: 404}
	}
	var rows [][]string
	for _, m := range messages {
		rows = append(rows, []string{m.Text})
	}
	return rows, nil
}

// snippet:static

//go:embed page
var files embed.FS

type Site struct{ page fs.FS }

func NewSite() (*Site, error) {
	page, err := fs.Sub(files, "page")
	return &Site{page}, err
}

func (s *Site) Routes(r chi.Router) { web.Static(r, "/", s.page, web.SPA()) }

// end

// Whole is an application with a page and an API.
//
// snippet:whole
var Whole = module.New("whole",
	module.Imports(Module), // GET /api/v1/rooms
	module.Controllers(web.Controller(NewSite, web.WithoutPrefix())), // GET /
)

// end

// Legacy has what was written for net/http.
type Legacy struct{}

// NewLegacy makes a Legacy.
func NewLegacy() *Legacy { return &Legacy{} }

// Routes of the page.
//
// snippet:middleware
func (l *Legacy) Routes(r chi.Router) {
	r.Use(middleware.RequestID) // routes of this controller
	r.Route("/old", func(r chi.Router) {
		r.Use(middleware.NoCache) // routes below /old
		r.Get("/status", l.status)
		r.Mount("/debug", middleware.Profiler())
	})
}

// end

func (l *Legacy) status(w http.ResponseWriter, r *http.Request) {
	if err := web.WriteJSON(w, http.StatusOK, middleware.GetReqID(r.Context()) != ""); err != nil {
		web.Fail(w, err)
	}
}
