package doctor

import (
	"go/ast"
	"go/constant"
	"go/types"
	"net"
	"strings"
)

// metrics finds metrics for Prometheus without a guard, in an application that others than its machine may reach.
func (c *checker) metrics() {
	if c.local() {
		return
	}
	const fix = "bind a guard: web.Controller(exporter.Controller, web.UseGuards(…)), or serve them on 127.0.0.1"
	c.calls(func(p *pkg, call *ast.CallExpr, callee *types.Func) {
		if !isOf(callee, "web", "Controller") || len(call.Args) == 0 || !p.isExporter(call.Args[0]) {
			return
		}
		for _, arg := range call.Args[1:] {
			if option, ok := ast.Unparen(arg).(*ast.CallExpr); !ok || isOf(p.callee(option), "web", "UseGuards") {
				return // or an option whose guards are not known here
			}
		}
		if !call.Ellipsis.IsValid() {
			c.reportf(call.Pos(), true, fix, "the metrics of this controller have no guard: they name gateways and events, and say how busy they are")
		}
	})
}

// isExporter reports whether an expression is the method Controller of an exporter for Prometheus.
func (p *pkg) isExporter(e ast.Expr) bool {
	s, ok := ast.Unparen(e).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	f, ok := p.info.Uses[s.Sel].(*types.Func)
	return ok && f.Name() == "Controller" && f.Pkg() != nil && f.Pkg().Path() == gatehouse+"/otel/prometheus"
}

// local reports whether all addresses of app.HTTP are known, and of this machine only.
func (c *checker) local() bool {
	found, public := false, false
	c.calls(func(p *pkg, call *ast.CallExpr, callee *types.Func) {
		if isOf(callee, "app", "HTTP") && len(call.Args) == 1 {
			found = true
			public = public || !isLoopback(p.info.Types[call.Args[0]].Value)
		}
	})
	return found && !public
}

// isLoopback reports whether an address is a constant, and of this machine only.
func isLoopback(address constant.Value) bool {
	if address == nil || address.Kind() != constant.String {
		return false
	}
	host, _, err := net.SplitHostPort(constant.StringVal(address))
	return err == nil && (strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback())
}
