#include "push/page.hpp"

namespace push {

const std::string_view kPage = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>push</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 2em auto; padding: 0 1em }
  input, button { font: inherit }
  #said { border: 1px solid #888; border-radius: 4px; min-height: 12em; padding: .5em 1em; white-space: pre-wrap }
  #said:empty::before { content: "Nothing heard yet. Open a topic first: only then do you hear what is published." }
</style>
<h1>push</h1>
<p>Everybody who has opened a topic hears what is published to it.
<form id="open"><label>Topic <input id="topic" value="cab" pattern="[A-Za-z0-9._-]{1,64}" required></label>
  <button>Open</button> <span id="state">closed</span></form>
<form id="send"><label>Message <input id="text" value="the cab has arrived" required></label>
  <button>Publish</button></form>
<p id="heard" aria-live="polite"></p>
<pre id="said" aria-live="polite"></pre>
<script>
  const at = id => document.getElementById(id);
  const path = () => "/topic/" + at("topic").value;
  let channel;
  at("open").onsubmit = event => {
    event.preventDefault();
    if (channel) channel.close();
    const mine = channel = new WebSocket(location.origin.replace(/^http/, "ws") + path());
    const show = text => { if (mine === channel) at("state").textContent = text; };
    mine.onopen = () => show("open");
    mine.onclose = event => show("closed " + event.reason);
    mine.onmessage = event => { at("said").textContent += event.data + "\n"; };
  };
  at("send").onsubmit = event => {
    event.preventDefault();
    const tell = text => { at("heard").textContent = text; };
    fetch(path(), { method: "POST", body: at("text").value }).then(answer => answer.text()).then(tell, tell);
  };
</script>
</html>
)html";

}  // namespace push
