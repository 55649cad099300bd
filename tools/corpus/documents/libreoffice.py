#!/usr/bin/python3
"""Documents that LibreOffice writes; see places.py."""
import os, subprocess, tempfile

from places import Keys, out

NAMES = ("office:urn:oasis:names:tc:opendocument:xmlns:office:1.0 text:urn:oasis:names:tc:opendocument:xmlns:text:1.0 table:urn:oasis:names:tc:opendocument:xmlns:table:1.0 "
    "draw:urn:oasis:names:tc:opendocument:xmlns:drawing:1.0 style:urn:oasis:names:tc:opendocument:xmlns:style:1.0 fo:urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0 "
    "svg:urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0 presentation:urn:oasis:names:tc:opendocument:xmlns:presentation:1.0 meta:urn:oasis:names:tc:opendocument:xmlns:meta:1.0 "
    "xlink:http://www.w3.org/1999/xlink dc:http://purl.org/dc/elements/1.1/ of:urn:oasis:names:tc:opendocument:xmlns:of:1.2")


def flat(kind, k, styles, master, body):
    band = '<style:header-footer-properties fo:min-height="1cm"/>'
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document {" ".join("xmlns:" + n.replace(":", chr(61) + chr(34), 1) + chr(34) for n in NAMES.split())} '
        f'office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.{kind}"><office:meta><dc:title>{k("title")}</dc:title><meta:keyword>{k("keyword")}</meta:keyword>'
        f'<meta:user-defined meta:name="stripe">{k("custom property")}</meta:user-defined></office:meta>'
        '<office:font-face-decls><style:font-face style:name="Mono" svg:font-family="\'DejaVu Sans Mono\'"/><style:font-face style:name="Serif" svg:font-family="\'DejaVu Serif\'"/></office:font-face-decls>'
        f'<office:styles>{styles}</office:styles><office:automatic-styles>'
        '<style:style style:name="B" style:family="text"><style:text-properties fo:font-weight="bold"/></style:style>'
        '<style:style style:name="F" style:family="text"><style:text-properties style:font-name="Mono"/></style:style>'
        '<style:style style:name="W" style:family="text"><style:text-properties fo:letter-spacing="0.08cm"/></style:style>'
        '<style:style style:name="S" style:family="table" style:master-page-name="Default"/>'
        f'<style:page-layout style:name="L"><style:page-layout-properties fo:page-width="21cm" fo:page-height="29.7cm" fo:margin="2cm"/><style:header-style>{band}</style:header-style><style:footer-style>{band}</style:footer-style></style:page-layout>'
        f'</office:automatic-styles><office:master-styles>{master}</office:master-styles><office:body>{body}</office:body></office:document>')


def writer(k):
    p = lambda t: f"<text:p>{t}</text:p>"
    note = lambda place, kind: f'<text:note text:id="{kind}" text:note-class="{kind}"><text:note-citation>1</text:note-citation><text:note-body>{p(k(place))}</text:note-body></text:note>'
    body = (
        '<text:tracked-changes><text:changed-region text:id="c1"><text:deletion><office:change-info><dc:creator>me</dc:creator><dc:date>2026-01-01T00:00:00</dc:date></office:change-info>'
        f'{p(k("deleted text"))}</text:deletion></text:changed-region></text:tracked-changes>'
        + p("The key is " + k("body") + ", keep it safe.")
        + p("Alone:") + p(k("a paragraph"))
        + p("Bold: " + k.split("split runs", '<text:span text:style-name="B">%s</text:span>'))
        + p("Font: " + k.split("another font", '<text:span text:style-name="F">%s</text:span>') + " end")
        + p(f'Wide: <text:span text:style-name="W">{k("letter spacing")}</text:span> end')
        + p("Note" + note("footnote", "footnote") + " and" + note("endnote", "endnote"))
        + p(f'Remark <office:annotation><dc:creator>me</dc:creator><dc:date>2026-01-01T00:00:00</dc:date>{p(k("comment"))}</office:annotation>here')
        + p(f'Link <text:a xlink:type="simple" xlink:href="https://example.com/pay?key={k("hyperlink")}&amp;x=1">here</text:a>')
        + p('Gone<text:change text:change-id="c1"/>')
        + p(f'<draw:frame text:anchor-type="paragraph" svg:width="12cm" svg:height="2cm"><draw:text-box>{p(k("text box"))}</draw:text-box></draw:frame>Box')
        + f'<table:table table:name="T"><table:table-column table:number-columns-repeated="2"/><table:table-row><table:table-cell>{p("stripe")}</table:table-cell><table:table-cell>{p(k("table cell"))}</table:table-cell></table:table-row></table:table>'
        + p(f'<text:span>list: {k("before a line break")}<text:line-break/>next</text:span>')
        + f'<text:list><text:list-item>{p(k("list item"))}</text:list-item></text:list>')
    master = f'<style:master-page style:name="Standard" style:page-layout-name="L"><style:header>{p(k("header"))}</style:header><style:footer>{p("page, " + k("footer"))}</style:footer></style:master-page>'
    return flat("text", k, '<style:style style:name="Standard" style:family="paragraph"/>', master, f"<office:text>{body}</office:text>")


def calc(k):
    cell = lambda t, more="": f'<table:table-cell office:value-type="string"{more}><text:p>{t}</text:p></table:table-cell>'
    row = lambda *cells: "<table:table-row>" + "".join(cells) + "</table:table-row>"
    body = (
        '<table:table table:name="Keys" table:style-name="S">' + row(cell("stripe"), cell(k("cell")), cell("eur"))
        + row(cell("rich"), cell(k.split("split runs", '<text:span text:style-name="B">%s</text:span>')))
        + row(cell("again"), cell(k("cell")), cell("joined " + k("in a text") + ", live"))
        + row(cell(k("cached formula"), f' table:formula="of:=CONCATENATE(&quot;{k("cached formula")[:5]}&quot;;&quot;{k("cached formula")[5:]}&quot;)" office:string-value="{k("cached formula")}"'))
        + row(f'<table:table-cell office:value-type="string"><office:annotation><text:p>{k("comment")}</text:p></office:annotation><text:p>remark</text:p></table:table-cell>')
        + row(cell(f'<text:a xlink:type="simple" xlink:href="https://example.com/pay?key={k("hyperlink")}&amp;x=1">here</text:a>'))
        + row(cell("two lines</text:p><text:p>" + k("second line of a cell")))
        + '</table:table><table:table table:name="More" table:style-name="hidden">' + row(cell(k("another sheet"))) + "</table:table>")
    master = f'<style:master-page style:name="Default" style:page-layout-name="L"><style:header><text:p>{k("header")}</text:p></style:header><style:footer><text:p>{k("footer")}</text:p></style:footer></style:master-page>'
    return flat("spreadsheet", k, '<style:style style:name="Default" style:family="table-cell"/>', master, f"<office:spreadsheet>{body}</office:spreadsheet>")


def impress(k):
    p = lambda t: f"<text:p>{t}</text:p>"
    box = lambda y, t, name="", more="": f'<draw:frame svg:x="2cm" svg:y="{y}cm" svg:width="22cm" svg:height="1.5cm"{name}><draw:text-box>{t}</draw:text-box>{more}</draw:frame>'
    body = (
        '<draw:page draw:name="one" draw:master-page-name="M">' + box(1, p("Key " + k("text box")))
        + box(3, p(k.split("split runs", '<text:span text:style-name="B">%s</text:span>')))
        + box(5, p("x"), "", f"<svg:desc>{k('alternative text')}</svg:desc>")
        + box(7, p(f'<text:a xlink:type="simple" xlink:href="https://example.com/pay?key={k("hyperlink")}&amp;x=1">here</text:a>'))
        + f'<draw:frame svg:x="2cm" svg:y="9cm" svg:width="22cm" svg:height="2cm"><table:table><table:table-column/><table:table-row><table:table-cell>{p(k("table cell"))}</table:table-cell></table:table-row></table:table></draw:frame>'
        + f'<presentation:notes><draw:frame presentation:class="notes" svg:x="2cm" svg:y="12cm" svg:width="16cm" svg:height="10cm"><draw:text-box>{p(k("notes"))}</draw:text-box></draw:frame></presentation:notes>'
        + f'<office:annotation svg:x="1cm" svg:y="1cm"><dc:creator>me</dc:creator><dc:date>2026-01-01T00:00:00</dc:date>{p(k("comment"))}</office:annotation></draw:page>')
    master = '<style:master-page style:name="M" style:page-layout-name="L"/>'
    return flat("presentation", k, "", master, f"<office:presentation>{body}</office:presentation>")


# What the filter of a format leaves out, or shows on no page.
FORMATS = [
    (writer, "fodt", {"odt": (), "docx": (), "rtf": (), "doc": (), "html": (), "pdf": {"deleted text", "comment", "custom property"}}),
    (calc, "fods", {"ods": (), "xlsx": (), "xls": (), "pdf": {"comment", "custom property", "cell"}}),  # the next cell covers its end
    (impress, "fodp", {"odp": (), "pptx": {"alternative text"}, "ppt": (), "pdf": {"notes", "comment", "alternative text", "custom property"}}),
]

with tempfile.TemporaryDirectory() as work:
    for make, flatform, targets in FORMATS:
        k = Keys()
        with open(f"{work}/a.{flatform}", "w") as f:
            f.write(make(k))
        for target, without in {flatform: (), **targets}.items():
            folder = f"LibreOffice {make.__name__} {target}"
            os.makedirs(f"{out}/{folder}")
            if target == flatform:
                os.link(f"{work}/a.{flatform}", f"{out}/{folder}/a.{target}")
            else:
                subprocess.run(["soffice", f"-env:UserInstallation=file://{work}/profile", "--headless", "--convert-to", target, "--outdir", f"{out}/{folder}", f"{work}/a.{flatform}"],
                    check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            k.say(f"{folder}/a.{target}", without)
