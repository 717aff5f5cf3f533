"""browser.py: a person at a browser, as far as forms and cookies go: no script is needed, so none is run."""

from __future__ import annotations

import html
import http.client
import re
import urllib.parse
from dataclasses import dataclass, field


@dataclass
class Page:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def location(self) -> str | None:
        return self.headers.get("Location")

    @property
    def title(self) -> str:
        found = re.search(r"<h1>(.*?)</h1>", self.text, re.S)
        return html.unescape(found[1]) if found else ""

    @property
    def error(self) -> str:
        found = re.search(r'role="alert">(.*?)</p>', self.text, re.S)
        return html.unescape(found[1]) if found else ""

    def value(self, name: str) -> str:
        """Of the first field of that name."""
        found = re.search(rf'name="{name}" (?:type="\w+" )?value="([^"]*)"', self.text)
        assert found, f"no field {name} in:\n{self.text}"
        return html.unescape(found[1])

    def inside(self, element_id: str) -> str:
        found = re.search(rf'id="{element_id}">(.*?)<', self.text, re.S)
        assert found, f"no {element_id} in:\n{self.text}"
        return html.unescape(found[1])

    def row(self, text: str) -> str:
        """The table's row that holds this text."""
        rows = [r for r in re.findall(r"<tr>.*?</tr>", self.text, re.S) if text in html.unescape(r)]
        assert len(rows) == 1, f"{len(rows)} rows with {text!r}"
        return rows[0]

    def row_value(self, text: str, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.row(text))
        assert found
        return html.unescape(found[1])


@dataclass
class Browser:
    port: int
    agent: str = "a browser"
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)
    last: Page | None = None

    def send(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Page:
        fields = {"User-Agent": self.agent} | {k.replace("_", "-"): v for k, v in headers.items()}
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            fields["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        page = Page(answer.status, answer.headers, answer.read().decode())
        connection.close()
        self.set_cookies = answer.headers.get_all("Set-Cookie") or []
        for line in self.set_cookies:
            name, _, value = line.split(";")[0].partition("=")
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        if "csrf" in page.text:
            self.last = page
        return page

    def get(self, path: str, **headers: str) -> Page:
        return self.send("GET", path, **headers)

    def post(self, path: str, **form: str) -> Page:
        """A form of the page seen last."""
        assert self.last
        return self.send("POST", path, {"csrf": self.last.value("csrf")} | form)

    # --- what people do ---

    def claim(self, link: str, email: str, password: str) -> Page:
        path = re.sub(r"^https?://[^/]+", "", link)
        token = path.partition("token=")[2]
        assert self.get(path).status == 200
        return self.post(path.partition("?")[0], token=token, email=email, password=password)

    def sign_in(self, email: str, password: str, **more: str) -> Page:
        assert self.get("/signin").status == 200
        return self.post("/signin", email=email, password=password, **more)
