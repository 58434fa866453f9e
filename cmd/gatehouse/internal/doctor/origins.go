package doctor

import (
	"go/ast"
	"go/constant"
	"go/types"
)

// origins finds gateways that accept pages of any origin.
func (c *checker) origins() {
	const fix = `list those of your pages: websockets.Origins("https://app.example.com")`
	c.calls(func(p *pkg, call *ast.CallExpr, callee *types.Func) {
		switch {
		case isOf(callee, "websockets", "Origins"):
			for _, arg := range call.Args {
				if v := p.info.Types[arg].Value; v != nil && v.Kind() == constant.String && constant.StringVal(v) == "*" {
					c.reportf(arg.Pos(), false, fix, `Origins("*") accepts connections of any page in the browser of a user, with the cookies of the user`)
				}
			}
		case isOf(callee, "websockets", "CheckOrigin") && len(call.Args) == 1 && p.alwaysTrue(call.Args[0]):
			c.reportf(call.Pos(), false, fix, "this CheckOrigin accepts connections of any page in the browser of a user, with the cookies of the user")
		}
	})
}

// alwaysTrue reports whether an expression is a function that does nothing but return true.
func (p *pkg) alwaysTrue(e ast.Expr) bool {
	f, ok := ast.Unparen(e).(*ast.FuncLit)
	if !ok || len(f.Body.List) != 1 {
		return false
	}
	r, ok := f.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(r.Results) != 1 {
		return false
	}
	v := p.info.Types[r.Results[0]].Value
	return v != nil && v.Kind() == constant.Bool && constant.BoolVal(v)
}
