//! Hosts, as a playbook and a signal write them.

/// The host in a text that is one, with a port, or an address: `https://eu-1.example.com:8443/chat`.
pub(super) fn host_of(text: &str) -> String {
    let text = text.trim();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match rest.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => rest,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_in_an_address() {
        for text in [
            "eu-1.example.com",
            " EU-1.Example.com. ",
            "eu-1.example.com:443",
            "https://eu-1.example.com",
            "https://eu-1.example.com:8443/chat/health?full#top",
        ] {
            assert_eq!(host_of(text), "eu-1.example.com", "{text}");
        }
    }
}
