//! WebSocket framing of a client (RFC 6455 section 5), by hand: the tool must cost less than the fastest server.

/// The mask of every frame. A client must mask (section 5.3); the server's work is the same with whichever key.
const MASK: [u8; 4] = [0x5a, 0x3c, 0x96, 0xe1];

/// A binary message.
pub const BINARY: u8 = 2;
/// A text message.
pub const TEXT: u8 = 1;
/// The end.
pub const CLOSE: u8 = 8;
/// A question whether the client is there.
pub const PING: u8 = 9;
/// The answer.
pub const PONG: u8 = 10;

/// The request that opens a WebSocket.
#[must_use]
pub fn request(host: &str, path: &str, subprotocol: Option<&str>) -> Vec<u8> {
    let subprotocol =
        subprotocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{subprotocol}\r\n"
    )
    .into_bytes()
}

/// Where the answer to the request ends; nothing while it is not all there, an error when it is a refusal.
///
/// # Errors
/// The first line of a refusal.
pub fn accepted(answer: &[u8]) -> Result<Option<usize>, String> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    if answer.len() >= 12 && !answer.starts_with(b"HTTP/1.1 101") {
        let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
        return Err(String::from_utf8_lossy(line).into_owned());
    }
    Ok(end.map(|end| end + 4))
}

/// Appends a masked frame.
#[expect(clippy::cast_possible_truncation, reason = "each length is taken for one that fits")]
pub fn put(op: u8, payload: &[u8], to: &mut Vec<u8>) {
    to.push(0x80 | op);
    match payload.len() {
        length @ 0..126 => to.push(0x80 | length as u8),
        length @ 126..65_536 => {
            to.push(0x80 | 126);
            to.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            to.push(0x80 | 127);
            to.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    to.extend_from_slice(&MASK);
    to.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// Writes over a part of a masked payload.
pub fn patch(payload: &mut [u8], at: usize, bytes: &[u8]) {
    for (index, byte) in bytes.iter().enumerate() {
        payload[at + index] = byte ^ MASK[(at + index) % 4];
    }
}

/// A frame of the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub op: u8,
    /// What is in it.
    pub payload: &'a [u8],
    /// Bytes of all of it.
    pub length: usize,
}

/// The first frame in these bytes; nothing when it is not all there.
#[must_use]
pub fn next(bytes: &[u8]) -> Option<Frame<'_>> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let (length, header): (usize, usize) = match second & 0x7f {
        126 => (u16::from_be_bytes(*rest.first_chunk()?).into(), 4),
        127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?, 10),
        length => (usize::from(length), 2),
    };
    let payload = bytes.get(header..header.checked_add(length)?)?;
    Some(Frame { op: first & 0x0f, payload, length: header + length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_masked_and_can_be_patched() {
        for length in [0, 5, 125, 126, 300, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect();
            let mut bytes = Vec::new();
            put(BINARY, &payload, &mut bytes);
            let start = bytes.len() - length;
            let mut masked = bytes[start..].to_vec();
            if length > 4 {
                patch(&mut masked, 3, &[9, 9]);
                assert_eq!([masked[3] ^ MASK[3], masked[4] ^ MASK[0]], [9, 9]);
            }
            let plain: Vec<u8> =
                bytes[start..].iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
            assert_eq!(plain, payload);
        }
    }

    #[test]
    fn a_frame_is_read_when_it_is_all_there() {
        let mut bytes = vec![0x82, 126, 0, 200];
        bytes.extend([7; 200]);
        assert_eq!(next(&bytes[..203]), None);
        let frame = next(&bytes).unwrap();
        assert_eq!((frame.op, frame.payload.len(), frame.length), (BINARY, 200, 204));
    }

    #[test]
    fn a_refusal_is_told() {
        assert_eq!(accepted(b"HTTP/1.1 101 Switching\r\n\r\nx"), Ok(Some(26)));
        assert_eq!(accepted(b"HTTP/1.1 101 Sw"), Ok(None));
        assert_eq!(accepted(b"HTTP/1.1 503 No\r\nx: y"), Err("HTTP/1.1 503 No".into()));
    }
}
