#!/usr/bin/python3
"""Documents that other programs of Debian write; see places.py."""
import glob, json, mailbox, os, shutil, sqlite3, subprocess, tempfile

import nbformat

from places import Keys, out

work = tempfile.mkdtemp()
os.chmod(work, 0o755)
os.chdir(work)
os.environ.update(HOME=work, GIT_CONFIG_NOSYSTEM="1", SOURCE_DATE_EPOCH="0", max_print_line="1000")


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more).stdout


def write(file, text):
    with open(file, "w") as f:
        f.write(text)


def read(file):
    with open(file, "rb") as f:
        return f.read()


def chromium():
    k = Keys()
    b = lambda place, between: k.split(place, between)
    write("a.html", f"""<!doctype html><meta charset="utf-8"><title>{k("title")}</title>
<style>body {{ font: 15px "DejaVu Sans" }} code {{ font-family: "DejaVu Sans Mono" }} td {{ width: 200px; border: 1px solid }}</style>
<p>The key is {k("body")}, keep it safe.<p>Split: {b("split runs", "<b>%s</b>")} end<p>Font: {b("another font", "<code>%s</code>")} end
<p style="letter-spacing: 4px">Wide: {k("letter spacing")}<p>Link <a href="https://example.com/pay?key={k("hyperlink")}&x=1">here</a>
<pre><code>curl -u {k("code")}: https://example.com</code></pre><table><tr><td>stripe<td>{k("table cell")}<td>eur</table>
<p style="width: 220px; overflow-wrap: anywhere">{k("wrapped")}<p style="text-align: justify; width: 500px">A justified line with the key {k("justified")} among other words so that spaces grow in it
<p><input value="{k("form field")}" size=120><p style="font-size: 7px">{k("small")}<p style="transform: rotate(90deg); position: absolute; left: 300px; top: 500px">{k("rotated")}</p>
<p style="font-family: 'DejaVu Serif'; font-style: italic">{k("oblique")}<p style="font-kerning: none; color: white">{k("white on white")}<p><svg width="900" height="30"><text x="0" y="20" font-size="12">{k("text of an SVG")}</text></svg>""")
    run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + work + "/chromium", "--print-to-pdf=a.pdf", "a.html")
    k.put("Chromium/a.pdf", read("a.pdf"))


def ghostscript():
    k = Keys()
    key = k("attachment")
    text = f"""%!PS
/Helvetica findfont 11 scalefont setfont 50 750 moveto (The key is {k("body")}, keep it safe.) show
50 730 moveto ({k("split runs")[:12]}) show /Times-Bold findfont 11 scalefont setfont ({k("split runs")[12:]}) show
/Courier findfont 9 scalefont setfont 50 710 moveto 3 0 ({k("letter spacing")}) ashow
50 690 moveto ({k("kshow")}) {{ pop pop 0.2 0 rmoveto }} exch kshow
gsave 300 400 translate 90 rotate 0 0 moveto /Helvetica findfont 8 scalefont setfont ({k("rotated")}) show grestore
[/Title ({k("title")}) /Keywords ({k("keyword")}) /Subject <feff{("Schlüssel " + k("subject")).encode("utf-16be").hex()}> /DOCINFO pdfmark
[/Rect [50 600 90 640] /Contents ({k("comment")}) /Subtype /Text /ANN pdfmark
[/Rect [50 550 90 590] /Action << /Subtype /URI /URI (https://example.com/pay?key={k("hyperlink")}&x=1) >> /Subtype /Link /ANN pdfmark
[/_objdef {{f}} /type /stream /OBJ pdfmark [{{f}} (STRIPE={key}) /PUT pdfmark [{{f}} << /Type /EmbeddedFile >> /PUT pdfmark
[/Name (app.env) /FS << /Type /Filespec /F (app.env) /EF << /F {{f}} >> >> /EMBED pdfmark
showpage
"""
    write("a.ps", text)
    for level in ("1.4", "1.7"):
        run("gs", "-q", "-dNOSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-dCompatibilityLevel=" + level, "-sOutputFile=a.pdf", "a.ps")
        k.put(f"Ghostscript {level}/a.pdf", read("a.pdf"))


def latex():
    for form, encoding in (("OT1", ""), ("T1", r"\usepackage[T1]{fontenc}")):
        k = Keys()
        t = lambda place: k(place).replace("_", r"\_")
        write("a.tex", r"\documentclass{article}\usepackage[a3paper,landscape]{geometry}" + encoding + r"\usepackage{hyperref}\hypersetup{pdftitle={%s},pdfkeywords={%s}}" % (t("title"), t("keyword")) + r"""
\begin{document}
\begin{verbatim}
STRIPE=%s
\end{verbatim}
Url: \url{%s} and a link \href{https://example.com/pay?key=%s}{here}.

""" % (k("verbatim"), k("url"), k("hyperlink").replace("_", r"\_")) + r"""
\verb|%s| in a line; {\small\verb|%s|} too\footnote{Note \url{%s}.}

\begin{tabular}{l|l}stripe & \verb|%s| \\ \end{tabular}
""" % (k("verb"), k("small"), k("footnote"), k("table cell")) + "\n" + r"Typed: %s end. \texttt{%s} end, \textbf{%s} end." % (t("body"), t("typewriter"), t("bold")) + "\n\\end{document}\n")
        run("pdflatex", "-interaction=batchmode", "a.tex")
        k.put(f"pdfTeX {form}/a.pdf", read("a.pdf"))
        run("latex", "-interaction=batchmode", "a.tex")
        run("dvips", "-q", "-o", "a.ps", "a.dvi")
        run("ps2pdf", "a.ps", "a.pdf")
        k.put(f"dvips, Ghostscript {form}/a.pdf", read("a.pdf"))


def mutt():
    for kind in ("mbox", "Maildir"):
        k = Keys()
        with sqlite3.connect("app.db") as db:
            db.execute("create table account(id integer primary key, api_key text)")
            db.execute("insert into account(api_key) values(?)", (k("database attached"),))
        write("app.env", "STRIPE=" + k("file attached") + "\n")
        write("note.txt", "Grüße: " + k("text attached") + "\n")
        run("tar", "-czf", "app.tgz", "app.env")
        # Mutt takes the copy that it keeps, procmail what it sends.
        write("muttrc", f"set record={work}/sent mbox_type={kind} sendmail='/bin/true' from=a@example.com edit_headers=no charset=utf-8 send_charset='us-ascii:utf-8' copy=yes\n")
        write("body", "Grüße,\n\nthe key is " + k("text") + ", keep it safe. " + "More words. " * 90 + "\nFrom here on: " + k("line after From") + "\n")
        run("mutt", "-F", "muttrc", "-s", "Schlüssel " + k("subject"), "-a", "app.env", "app.tgz", "note.txt", "app.db", "--", "b@example.com", stdin=open("body"))
        sent = read("sent") if kind == "mbox" else read(glob.glob("sent/*/*")[0])
        k.put(f"Mutt {kind}/sent", sent)
        if kind == "mbox":
            sent = sent.split(b"\n", 1)[1]
        write("procmailrc", f"MAILDIR={work}\nDEFAULT={work}/delivered{'' if kind == 'mbox' else '/'}\n")
        run("procmail", "-f", "a@example.com", work + "/procmailrc", input=sent)
        run("procmail", "-f", "a@example.com", work + "/procmailrc", input=b"From: a@example.com\nSubject: x\n\nnothing\n")
        delivered = [read("delivered")] if kind == "mbox" else sorted((read(f) for f in glob.glob("delivered/new/*")), key=len)
        k.put(f"procmail {kind}/delivered", delivered[-1])
        for leftover in ("sent", "delivered", "app.db"):
            shutil.rmtree(leftover) if os.path.isdir(leftover) else os.remove(leftover)


def sqlite():
    for size, encoding in ((512, "UTF-8"), (4096, "UTF-16le"), (65536, "UTF-16be"), (4096, "UTF-8")):
        k = Keys()
        filler = "-- a line that is there for its length\n" * (size // 9)
        write("a.sql", f"""pragma page_size={size}; pragma encoding='{encoding}'; pragma secure_delete=0;
create table account(id integer primary key, provider text, api_key text, created text);
insert into account(provider, api_key, created) values('paypal', 'none', '2025-12-24'), ('stripe', '{k("row")}', '2026-01-01'), ('adyen', 'none', '2026-02-01');
create table settings(name text primary key, value) without rowid;
insert into settings values('a', 1), ('stripe', '{k("without rowid")}'), ('z', 2);
create table cells(id integer primary key, source text);
insert into cells(source) values('{filler}key = "{k("overflow")}"\n{filler}');
create table json(v blob); insert into json values(cast('{{"key": "{k("blob")}"}}' as blob));
create table old(v); insert into old select '{k("freed page")}' || char(10) || value from (with recursive n(value) as (select 1 union all select value + 1 from n limit 400) select '{filler[:100]}' as value from n);
create index by_key on account(created, api_key);
create view paid as select * from account where api_key <> '{k("view")}';
create virtual table notes using fts5(body); insert into notes values('the key: {k("full text search")} is here');
drop table old;
""")
        if os.path.exists("a.db"):
            os.remove("a.db")
        run("sqlite3", "a.db", stdin=open("a.sql"))
        k.put(f"SQLite {size} {encoding}/a.db", read("a.db"))
    k = Keys()
    db = sqlite3.connect("wal.db")
    db.executescript("pragma journal_mode=wal; create table account(id integer primary key, api_key text);")
    db.execute("insert into account(api_key) values(?)", (k("row in the log"),))
    db.commit()
    k.put("SQLite log/a.db-wal", read("wal.db-wal"))
    db.close()


def notebook():
    k = Keys()
    v4 = nbformat.v4
    long = "".join(f"line {n}\n" for n in range(5))
    book = v4.new_notebook(cells=[
        v4.new_markdown_cell("Use " + k("text")), v4.new_code_cell("import stripe\nstripe.api_key = '%s'\n" % k("source"), outputs=[
            v4.new_output("stream", text=long + "using " + k("output") + "\n" + long),
            v4.new_output("execute_result", data={"text/plain": repr(k("result")), "text/html": f"<b>{k('HTML')}</b>"}),
            v4.new_output("error", ename="E", evalue=k("error"), traceback=["\x1b[0;31mE\x1b[0m: " + k("traceback")])])],
        metadata={"key": k("metadata")})
    k.put("Jupyter/a.ipynb", nbformat.writes(book).encode())


def git():
    k = Keys()
    run("git", "init", "-q", "r")
    g = lambda *a: run("git", "-C", "r", "-c", "user.name=a", "-c", "user.email=a@example.com", *a)
    lines = "".join(f"line {n}\n" for n in range(3000))
    for place in ("earlier version", "content"):
        write("r/app.env", lines + "KEY=" + k(place) + "\n")
        g("add", ".")
        g("commit", "-qm", "Use " + k("message"))
    g("branch", k("name of a branch"))
    g("bundle", "create", "../a.bundle", "--all")
    k.put("git bundle/a.bundle", read("a.bundle"))
    g("repack", "-adq")
    shutil.make_archive("a", "zip", "r")
    k.put("git folder in a zip/a.zip", read("a.zip"))
    del k.at["name of a branch"]
    k.put("git pack/a.pack", read(glob.glob("r/.git/objects/pack/*.pack")[0]))


for make in (chromium, ghostscript, latex, mutt, sqlite, notebook, git):
    make()
shutil.rmtree(work)
