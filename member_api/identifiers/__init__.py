"""How a member is recognised: phone, card, e-mail, national ID, app and open ids; one spelling each, found blind."""
