# SPDX-License-Identifier: MIT
"""A headless Chromium for tests, driven by its DevTools protocol: messages of JSON with a 0 at the
end, on file descriptors 3 (to the browser) and 4 (from it)."""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from points import Skip

PATIENCE = 300
LABEL = 96  # columns before a lane, in lanes.js


class Browser:
    """A headless Chromium with one page."""

    def __init__(self, shots=None):
        """`shots`: a folder for screenshots."""
        program = shutil.which('chromium') or shutil.which('chromium-browser')
        if not program:
            raise Skip('chromium is not installed')
        self.shots, self.folder = shots, tempfile.TemporaryDirectory()
        ends = *os.pipe(), *os.pipe()
        # Out of the way of 3 and 4, which they may be themselves.
        to_read, self.to, self.back, back_write = (
            fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends)
        for end in ends:
            os.close(end)
        command = f'exec "$0" "$@" 3<&{to_read} 4>&{back_write}'
        self.process = subprocess.Popen(
            ['bash', '-c', command, program, '--headless', '--no-sandbox', '--disable-gpu',
             '--remote-debugging-pipe', '--hide-scrollbars', '--force-device-scale-factor=1',
             '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
             '--disable-background-networking', '--disable-component-update', '--disable-sync',
             f'--user-data-dir={self.folder.name}'],
            pass_fds=(to_read, back_write), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(back_write)
        self.rest, self.number, self.session, self.events = b'', 0, None, []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target,
                                 flatten=True)['sessionId']
        for domain in 'Page', 'Runtime', 'Log', 'Network':
            self.call(f'{domain}.enable')
        self.call('Emulation.setDeviceMetricsOverride', width=1300, height=1100,
                  deviceScaleFactor=1, mobile=False)

    def receive(self):
        deadline = time.monotonic() + PATIENCE
        while b'\0' not in self.rest:
            if not select.select([self.back], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError('the browser says nothing')
            piece = os.read(self.back, 1 << 20)
            if not piece:
                raise EOFError('the browser has gone')
            self.rest += piece
        message, self.rest = self.rest.split(b'\0', 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': parameters}
        if self.session:
            message['sessionId'] = self.session
        os.write(self.to, json.dumps(message).encode() + b'\0')
        while True:
            answer = self.receive()
            if answer.get('id') == self.number:
                assert 'error' not in answer, answer
                return answer['result']
            self.events.append(answer)

    def value(self, expression):
        answer = self.call('Runtime.evaluate', expression=expression, returnByValue=True,
                           awaitPromise=True)
        assert 'exceptionDetails' not in answer, answer
        return answer['result'].get('value')

    def open(self, path):
        """Opens a page; returns the milliseconds until it had drawn everything."""
        self.events.clear()
        self.call('Page.navigate', url=f'file://{path}')
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.value('document.documentElement?.dataset.ready || ""'):
                return self.value('performance.now()')
            if self.value('document.documentElement?.dataset.errors || ""'):
                break
            time.sleep(0.05)
        raise TimeoutError(f'the page does not come up: {self.complaints()}')

    def complaints(self):
        found = [event for event in self.events
                 if event.get('method') in ('Runtime.exceptionThrown', 'Log.entryAdded') or
                 event.get('method') == 'Runtime.consoleAPICalled']
        errors = self.value('document.documentElement.dataset.errors || ""')
        return [json.dumps(event)[:500] for event in found] + ([errors] if errors else [])

    def frame(self):
        """Waits until what was asked for is drawn."""
        self.value('new Promise((done) =>'
                   ' requestAnimationFrame(() => requestAnimationFrame(done)))')

    def mouse(self, kind, x, y, **more):
        self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, **more)

    def place(self, element):
        """Scrolls an element into view and says where it is."""
        return self.value(f'(() => {{ const e = document.getElementById("{element}");'
                          'e.scrollIntoView({block: "center"});'
                          'const b = e.getBoundingClientRect();'
                          'return {x: b.left, y: b.top, width: b.width, height: b.height}; })()')

    def view(self):
        """The time that is shown, from and to."""
        return json.loads(self.value('JSON.stringify([document.documentElement.dataset.from,'
                                     'document.documentElement.dataset.to].map(Number))'))

    def tip(self):
        """What hovering tells; nothing: ''."""
        return self.value('(() => { const t = document.getElementById("tip");'
                          'return t.hidden ? "" : t.innerText; })()')

    def find_decision(self):
        """Hovers over the decisions until one tells its quotients."""
        box = self.place('decisions')
        for i in range(80):
            self.mouse('mouseMoved', box['x'] + LABEL + (box['width'] - LABEL) * i / 80,
                       box['y'] + 6)
            if 'quotients' in self.tip():
                return self.tip()
        raise AssertionError('no decision tells its quotients')

    def shot(self, name):
        png = base64.b64decode(self.call('Page.captureScreenshot',
                                         captureBeyondViewport=True)['data'])
        assert png[:8] == b'\x89PNG\r\n\x1a\n' and len(png) > 10000
        if self.shots:
            with open(os.path.join(self.shots, name + '.png'), 'wb') as file:
                file.write(png)
        return png

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.to)
        os.close(self.back)
        shutil.rmtree(self.folder.name, ignore_errors=True)  # its children may be at it still

    def colours(self, canvas):
        """How many different colours a canvas shows."""
        return self.value(
            f'(() => {{ const c = document.getElementById("{canvas}");'
            'const d = new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height)'
            '.data.buffer); return new Set(d).size; })()')
