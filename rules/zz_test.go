package rules
import ("testing";"slices";"fmt")
func TestZZ(t *testing.T){ s,err:=Load(nil); if err!=nil{t.Skip(err)}
 m:=map[string]bool{}
 for _,r:=range s.Rules(){ for _,l:=range r.Literals{m[l]=true}}
 var k []string; for l:=range m{k=append(k,l)}; slices.Sort(k); fmt.Println(len(k)); for _,l:=range k{fmt.Println(l)}}
